import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { askService } from "../../hosts/health.ts";
import { installRelease } from "../../hosts/release-folder.ts";
import { linkCurrent, makeRepository, specHost, writer } from "./host-fixture.ts";
import { type Declared, HostRollout } from "./rollout-fixture.ts";
import { APP, killServices, makeServedHost, type ServedHost } from "./unit-stand-in.ts";

const RESTART = { maxUnavailable: 1, timeoutSeconds: 8, zeroFailures: true };
const PLACE = { backend: "env-file", variable: "FLAG" };

const started: ServedHost[] = [];

function systemctl(host: ServedHost, ...args: string[]): void {
  execFileSync(join(host.folder, "bin/systemctl"), args, { stdio: "pipe" });
}

/** Three hosts whose processes run the baseline, and phase 2's steps on them up to the closing restart. */
async function setUp(names = ["host-a", "host-b", "host-c"], options: { silentWorker?: true } = {}) {
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
    release: { kind: "release", fields: { hosts: declared, repository: url, sha: feature, keep: 3 } },
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
async function saidBy(host: ServedHost, names: Record<string, string>): Promise<string[]> {
  const answers = await Promise.all(host.services.map((service) => askService(service)));
  return answers.flatMap(({ processes }) =>
    processes.map(({ release, flag }) => `${names[release]} ${flag ? "on" : "off"}`),
  );
}

const restarts = ({ folder }: ServedHost) => {
  try {
    return readFileSync(join(folder, "systemctl.log"), "utf8").trim().split("\n");
  } catch {
    return [];
  }
};

describe("the step service-restart", function () {
  this.timeout(120_000);
  afterEach(() => {
    for (const host of started.splice(0)) killServices(host);
  });

  it("restarts host after host, proves every process, and on the way back does so again", async () => {
    const { run, steps, hosts, baseline, feature, toClosing, back } = await setUp(["host-a", "host-b"]);
    const names = { [baseline]: "baseline", [feature]: "feature" };
    await toClosing();
    for (const host of hosts)
      deepEqual(await saidBy(host, names), ["baseline off", "baseline off", "baseline off"]);
    const result = await run.apply(steps.closing);
    for (const host of hosts) {
      deepEqual(await saidBy(host, names), ["feature on", "feature on", "feature on"]);
      deepEqual(restarts(host), ["web", "worker"]);
    }
    const [first] = result.hosts as { state: string; processes: Record<string, unknown>[] }[];
    deepEqual([first?.state, first?.processes.length], ["proven", 3]);
    deepEqual(Object.keys(first?.processes[0] ?? {}), [
      "host",
      "unit",
      "pid",
      "startedAt",
      "release",
      "flag",
      "asked",
    ]);
    const quiet = await run.observe(steps.closing);
    deepEqual([quiet.drift, quiet.plan, quiet.blockers], [[], [], []]);
    await back();
    for (const host of hosts) {
      deepEqual(await saidBy(host, names), ["baseline off", "baseline off", "baseline off"]);
      deepEqual(restarts(host), ["web", "worker", "web", "worker"]);
      equal(readFileSync(host.envFile, "utf8"), "DATABASE_URL=postgres://x\n");
    }
  });

  it("stops at the host where a service fails to start, puts it back, proves that, and leaves the rest", async () => {
    const { run, steps, hosts, baseline, feature, toClosing, back } = await setUp();
    const [a, b, c] = hosts as [ServedHost, ServedHost, ServedHost];
    const names = { [baseline]: "baseline", [feature]: "feature" };
    await toClosing();
    writeFileSync(join(b.folder, `fails-${feature}`), "");
    await rejects(run.apply(steps.closing), (error: Error) => {
      match(error.message, /got 2 hosts that do not:\n {2}- host-a: proven, 3 processes\n/);
      match(
        error.message,
        /- host-b: put back: expected web on host-b to start again, got a failure .* 3 processes are proven/,
      );
      match(error.message, /- host-c: untouched, as it was before/);
      return true;
    });
    deepEqual(await saidBy(a, names), ["feature on", "feature on", "feature on"]);
    deepEqual(await saidBy(b, names), ["baseline off", "baseline off", "baseline off"]);
    equal(readlinkSync(join(b.appDir, "current")), `releases/${baseline}`);
    equal(readFileSync(b.envFile, "utf8"), "DATABASE_URL=postgres://x\n");
    deepEqual(restarts(c), []);

    // What was put back is drift of the steps before; once it is mended, a run goes on with what is left.
    rmSync(join(b.folder, `fails-${feature}`));
    for (const step of [steps.switched, steps.flag, steps.closing]) await run.apply(step);
    for (const host of hosts)
      deepEqual(await saidBy(host, names), ["feature on", "feature on", "feature on"]);
    deepEqual(restarts(a), ["web", "worker"]);
    await back();
    for (const host of hosts)
      deepEqual(await saidBy(host, names), ["baseline off", "baseline off", "baseline off"]);
  });

  it("names a straggler that ignores the new flag, by host, unit, process and age", async () => {
    const { run, steps, hosts, baseline, feature, toClosing } = await setUp(["host-a"]);
    const [host] = hosts as [ServedHost];
    await toClosing();
    writeFileSync(join(host.folder, `deaf-${feature}`), "");
    const closing = {
      ...steps.closing,
      fields: { ...steps.closing.fields, restart: { ...RESTART, timeoutSeconds: 2 } },
    };
    await rejects(
      run.apply(closing),
      /host-a: put back: .*web on host-a: pid \d+ \(\d+ s old\) is a straggler: it says release [0-9a-f]{12}, flag off; wanted are [0-9a-f]{12}, on/,
    );
    const names = { [baseline]: "baseline", [feature]: "feature" };
    deepEqual(await saidBy(host, names), ["baseline off", "baseline off", "baseline off"]);
  });

  it("shows a process that runs something else, or does not answer, as drift", async () => {
    const { run, steps, hosts, toClosing } = await setUp(["host-a"]);
    const [host] = hosts as [ServedHost];
    await toClosing();
    await run.apply(steps.closing);
    writeFileSync(host.envFile, "FLAG=false\n");
    systemctl(host, "restart", "worker");
    match(
      (await run.observe(steps.closing)).drift.map(({ observed }) => observed).join("\n"),
      /^worker on host-a: pid \d+ \(\d+ s old\) is a straggler: it says release .*, flag off/,
    );
    systemctl(host, "stop", "worker");
    match(
      (await run.observe(steps.closing)).drift.map(({ observed }) => observed).join(),
      /worker on host-a: connection refused/,
    );
  });

  it("goes on both ways after a kill between the flag and the last restart", async () => {
    for (const way of ["forward", "back"]) {
      const { run, steps, hosts, baseline, feature, toClosing, back } = await setUp(["host-a", "host-b"]);
      const names = { [baseline]: "baseline", [feature]: "feature" };
      const [first, second] = hosts as [ServedHost, ServedHost];
      await toClosing();
      await run.applyAndKill(steps.closing, () => restarts(second).length > 0);
      equal(run.entry(steps.closing)?.state, "half-done");
      if (way === "forward") {
        await run.apply(steps.closing);
        for (const host of hosts)
          deepEqual(await saidBy(host, names), ["feature on", "feature on", "feature on"]);
        deepEqual(restarts(first), ["web", "worker"]);
      }
      await back();
      for (const host of hosts)
        deepEqual(await saidBy(host, names), ["baseline off", "baseline off", "baseline off"]);
    }
  });

  it("restarts the others on the way back when one host fails, names it, and can be run again", async () => {
    const { run, steps, hosts, baseline, feature, toClosing } = await setUp();
    const names = { [baseline]: "baseline", [feature]: "feature" };
    const [first, , last] = hosts as [ServedHost, ServedHost, ServedHost];
    await toClosing();
    await run.apply(steps.closing);
    for (const step of [steps.closing, steps.flag, steps.switched, steps.release]) await run.undo(step);
    writeFileSync(join(first.folder, `fails-${baseline}`), "");
    await rejects(
      run.undo(steps.opening),
      /got 1 hosts that do not:\n {2}- host-a: failed: expected web on host-a to start again/,
    );
    deepEqual(await saidBy(last, names), ["baseline off", "baseline off", "baseline off"]);
    rmSync(join(first.folder, `fails-${baseline}`));
    match((await run.undo(steps.opening)).summary, /restarted 3 hosts; 9 processes are proven/);
  });

  it("says of a worker that cannot be asked only what systemd knows, and warns of how it is stopped", async () => {
    const { run, steps, toClosing } = await setUp(["host-a"], { silentWorker: true });
    await toClosing();
    match(
      (await run.observe(steps.closing)).plan.join("\n"),
      /warning: worker on host-a has KillMode=control-group: a stop kills its pool/,
    );
    const { hosts } = await run.apply(steps.closing);
    const [{ processes = [] } = {}] = hosts as { processes?: Record<string, unknown>[] }[];
    deepEqual(
      processes.map(({ asked }) => asked),
      [true, true, false],
    );
    match(
      run.logged.join("\n"),
      /host-a: restarted: 2 processes say so, 1 started after the restart, flag not asked/,
    );
  });

  it("takes a host out of the load balancer and back in, in this order", async () => {
    const { run, steps, hosts, toClosing } = await setUp(["host-a"]);
    const [host] = hosts as [ServedHost];
    await toClosing();
    const command = (word: string) => ["sh", "-c", `echo ${word} >>${host.folder}/systemctl.log`];
    const restart = { ...RESTART, drain: command("drain"), undrain: command("undrain") };
    await run.apply({ ...steps.closing, fields: { ...steps.closing.fields, restart } });
    deepEqual(restarts(host), ["drain", "web", "worker", "undrain"]);
  });

  it("refuses a restart that would fail requests, or states the gap when that is allowed", async () => {
    const { run, steps, toClosing } = await setUp(["host-a"]);
    await toClosing();
    const [host] = (steps.closing.fields as { hosts: ServedHost[] }).hosts;
    const bare = { ...host, services: host?.services.map(({ socket: _, ...service }) => service) };
    const closing = (zeroFailures: boolean) => ({
      ...steps.closing,
      fields: { ...steps.closing.fields, hosts: [bare], restart: { ...RESTART, zeroFailures } },
    });
    await rejects(
      run.apply(closing(true)),
      /expected web on host-a to restart without failed requests, got neither a socket/,
    );
    const { plan, blockers } = await run.observe(closing(false));
    deepEqual(blockers, []);
    match(plan.join("\n"), /requests will fail: expected web on host-a/);
  });

  it("names a unit that the host does not have before anything is restarted", async () => {
    const { run, steps, hosts, toClosing } = await setUp(["host-a"]);
    await toClosing();
    const [host] = (steps.closing.fields as { hosts: ServedHost[] }).hosts;
    const services = [...(host?.services ?? []), { unit: "beat", kind: "worker", processes: 1 }];
    const closing = { ...steps.closing, fields: { ...steps.closing.fields, hosts: [{ ...host, services }] } };
    await rejects(
      run.apply(closing),
      /expected the unit beat on host-a, got not-found\. Correct hosts\[\]\.services/,
    );
    deepEqual(restarts(hosts[0] as ServedHost), []);
  });
});
