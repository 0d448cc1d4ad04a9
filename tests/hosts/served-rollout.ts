import { execFileSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { askService } from "../../hosts/health.ts";
import { installRelease } from "../../hosts/release-folder.ts";
import { linkCurrent, makeRepository, specHost, writer } from "./host-fixture.ts";
import { type Declared, HostRollout } from "./rollout-fixture.ts";
import { APP, killServices, makeServedHost, type ServedHost } from "./unit-stand-in.ts";

/** How the services restart. */
export const RESTART = { maxUnavailable: 1, timeoutSeconds: 8, stableSeconds: 1, zeroFailures: true };
const PLACE = { backend: "env-file", variable: "FLAG" };

const started: ServedHost[] = [];

/** Ends what runs on the hosts of the test. */
export function endServed(): void {
  for (const host of started.splice(0)) killServices(host);
}

/** `systemctl` of that host. */
export function systemctl(host: ServedHost, ...args: string[]): void {
  execFileSync(join(host.folder, "bin/systemctl"), args, { stdio: "pipe" });
}

/** Three hosts whose processes run the baseline, and phase 2's steps on them up to the closing restart. */
export async function setUpServed(
  names = ["host-a", "host-b", "host-c"],
  options: { silentWorker?: true } = {},
) {
  const { url, shas } = makeRepository({ "app.mjs": APP, name: "baseline" }, { name: "feature" });
  const [baseline = "", feature = ""] = shas;
  const hosts = await Promise.all(names.map((name) => makeServedHost(name, options)));
  started.push(...hosts);
  for (const host of hosts) {
    await installRelease(host, { repository: url, sha: baseline }, writer());
    rmSync(join(host.appDir, ".rollout/token"));
    linkCurrent(host, baseline);
  }
  await Promise.all(
    hosts.map(async (host) => {
      for (const unit of ["web", "worker"]) systemctl(host, "restart", unit);
      rmSync(join(host.folder, "systemctl.log"));
    }),
  );
  const declared = hosts.map(specHost);
  const restart = (when: string, more: object = {}): Declared => ({
    kind: "service-restart",
    name: `${when}-restart`,
    fields: {
      hosts: declared,
      when,
      basis: { release: feature, flag: true },
      ...PLACE,
      restart: RESTART,
      ...more,
    },
  });
  const steps = {
    opening: restart("opening"),
    release: { kind: "release", fields: { hosts: declared, repository: url, sha: feature } },
    switched: { kind: "release-switch", fields: { hosts: declared, from: baseline, to: feature } },
    flag: { kind: "env-flag", fields: { hosts: declared, ...PLACE, value: true } },
    closing: restart("closing"),
  };
  const run = new HostRollout();
  const toClosing = async () => {
    for (const step of [steps.opening, steps.release, steps.switched, steps.flag]) await run.apply(step);
  };
  const back = async () => {
    for (const step of [steps.closing, steps.flag, steps.switched, steps.release, steps.opening])
      await run.undo(step);
  };
  return { run, steps, hosts, baseline, feature, toClosing, back, restart };
}

/** What the processes of a host say: `feature on` three times. */
export async function saidBy(host: ServedHost, names: Record<string, string>): Promise<string[]> {
  const answers = await Promise.all(host.services.map((service) => askService(service)));
  return answers.flatMap(({ processes }) =>
    processes.map(({ release, flag }) => `${names[release ?? ""]} ${flag ? "on" : "off"}`),
  );
}

/** Units that were restarted on a host, in order. */
export const restarts = ({ folder }: ServedHost) => {
  try {
    return readFileSync(join(folder, "systemctl.log"), "utf8").trim().split("\n");
  } catch {
    return [];
  }
};
