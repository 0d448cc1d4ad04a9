import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { askService } from "../../hosts/health.ts";
import { installRelease } from "../../hosts/release-folder.ts";
import { linkCurrent, makeRepository, specHost, writer } from "./host-fixture.ts";
import { type Declared, HostRollout } from "./rollout-fixture.ts";
import { APP, killServices, makeServedHost, type ServedHost } from "./unit-stand-in.ts";

export const RESTART = { maxUnavailable: 1, timeoutSeconds: 8, stableSeconds: 1, zeroFailures: true };
const PLACE = { backend: "env-file", variable: "FLAG" };
const NAMES = ["baseline", "feature", "interface", "permanent", "patch"] as const;
const started: ServedHost[] = [];

interface PhaseFields {
  phase: string;
  from: string;
  to: string;
  flag: boolean | null;
}

/** Ends what runs on the hosts of the test. */
export function endLaterPhases(): void {
  for (const host of started.splice(0)) killServices(host);
}

/** Hosts that run the baseline, and the steps of phases 2 to 4 that change what runs there. */
export async function setUpLaterPhases(names = ["host-a", "host-b"]) {
  const { url, shas } = makeRepository(
    { "app.mjs": APP, name: "baseline" },
    ...NAMES.slice(1).map((name) => ({ name })),
  );
  const [baseline = "", feature = "", ui = "", permanent = "", patch = ""] = shas;
  const hosts = await Promise.all(names.map((name) => makeServedHost(name)));
  started.push(...hosts);
  for (const host of hosts) {
    for (const sha of shas) await installRelease(host, { repository: url, sha }, writer());
    rmSync(join(host.appDir, ".rollout/token"));
    linkCurrent(host, baseline);
    for (const unit of ["web", "worker"]) execFileSync(join(host.folder, "bin/systemctl"), ["restart", unit]);
  }
  const declared = hosts.map(specHost);
  const restart = (when: string, { phase, to: release, flag }: PhaseFields): Declared => ({
    ...{ kind: "service-restart", name: `${when}-restart`, phase },
    fields: { hosts: declared, when, basis: { release, flag }, ...PLACE, restart: RESTART },
  });
  const stepsOf = (fields: PhaseFields) => ({
    opening: restart("opening", { ...fields, to: fields.from }),
    switched: {
      kind: "release-switch",
      phase: fields.phase,
      fields: { hosts: declared, from: fields.from, to: fields.to },
    },
    flag: {
      kind: "env-flag",
      phase: fields.phase,
      fields: { hosts: declared, ...PLACE, value: fields.flag },
    },
    closing: restart("closing", fields),
  });
  const code = (flag: boolean) => stepsOf({ phase: "code-deployment", from: baseline, to: feature, flag });
  const { flag: _, ...userInterface } = stepsOf({
    phase: "interface-rollout",
    from: feature,
    to: ui,
    flag: true,
  });
  const toPermanent = (to: string) => stepsOf({ phase: "validation", from: ui, to, flag: null });
  const validation = toPermanent(permanent);
  /** The same phase with a later commit of its release. */
  const patched = toPermanent(patch);
  const run = new HostRollout();
  const applyAll = async (steps: Record<string, Declared>) => {
    for (const step of Object.values(steps)) await run.apply(step);
  };
  const undoAll = async (steps: Record<string, Declared>) => {
    for (const step of Object.values(steps).reverse()) await run.undo(step);
  };
  const named = new Map(shas.map((sha, index) => [sha, NAMES[index]]));
  /** What all processes say, once: `interface on`. */
  const said = async () => {
    const answers = await Promise.all(
      hosts.flatMap(({ services }) => services.map((service) => askService(service))),
    );
    const all = answers.flatMap(({ processes }) =>
      processes.map(({ release, flag }) => `${named.get(release ?? "")} ${flag ? "on" : "off"}`),
    );
    return [...new Set(all)];
  };
  return {
    run,
    hosts,
    code,
    userInterface,
    validation,
    patched,
    applyAll,
    undoAll,
    said,
    ui,
    permanent,
    patch,
  };
}
