import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HostRestart } from "../../hosts/restart-waves.ts";
import { endServed, RESTART, restarts, saidBy, setUpServed, systemctl } from "./served-rollout.ts";
import type { ServedHost } from "./unit-stand-in.ts";

describe("the step service-restart", function () {
  this.timeout(240_000);
  afterEach(endServed);

  it("restarts host after host, proves every process, and on the way back does so again", async () => {
    const { run, steps, hosts, baseline, feature, toClosing, back } = await setUpServed(["host-a", "host-b"]);
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
      "by",
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
    const { run, steps, hosts, baseline, feature, toClosing, back } = await setUpServed();
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
    const { run, steps, hosts, baseline, feature, toClosing } = await setUpServed(["host-a"]);
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
    const { run, steps, hosts, toClosing } = await setUpServed(["host-a"]);
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
      const { run, steps, hosts, baseline, feature, toClosing, back } = await setUpServed([
        "host-a",
        "host-b",
      ]);
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

  it("goes back on the others when a service of one host does not start, and names that host with its unit", async () => {
    const { run, steps, hosts, baseline, feature, toClosing } = await setUpServed();
    const names = { [baseline]: "baseline", [feature]: "feature" };
    const [first, , last] = hosts as [ServedHost, ServedHost, ServedHost];
    await toClosing();
    await run.apply(steps.closing);
    for (const step of [steps.closing, steps.flag, steps.switched, steps.release]) await run.undo(step);
    writeFileSync(join(first.folder, `fails-${baseline}`), "");
    const { summary, kept } = await run.undo(steps.opening);
    match(summary, /^restarted 3 hosts; 6 processes are proven \(restarted, not proven: host-a\)$/);
    deepEqual(
      kept.map(({ subject }) => subject),
      ["host-a"],
    );
    match(kept[0]?.reason ?? "", /web on host-a/);
    deepEqual(await saidBy(last, names), ["baseline off", "baseline off", "baseline off"]);
  });

  it("proves a worker that cannot be asked by its processes, says who proved what, and warns of how it is stopped", async () => {
    const { run, steps, hosts, feature, toClosing } = await setUpServed(["host-a"], { silentWorker: true });
    const [host] = hosts as [ServedHost];
    await toClosing();
    const plan = (await run.observe(steps.closing)).plan.join("\n");
    match(plan, /warning: worker on host-a has KillMode=control-group: a stop kills its pool/);
    match(plan, /; each process of web has to say release [0-9a-f]{12}, flag on; worker cannot be asked/);
    // It has no flag yet, and here systemd hands it no file: what stays unproven is said before.
    match(plan, /warning: worker on host-a, pid \d+: .*has no FLAG.* That stays unproven/);
    const [first] = (await run.apply(steps.closing)).hosts as HostRestart[];
    deepEqual(
      first?.processes.map(({ unit, by, release, flag }) => [unit, by, release, flag]),
      [
        ["web", "health", feature, true],
        ["web", "health", feature, true],
        ["worker", "process", feature, true],
        ["worker", "process", feature, true],
      ],
    );
    match(
      run.logged.join("\n"),
      /host-a: restarted: 2 processes say release [0-9a-f]{12}, flag on; 2 processes by the host's look at them \(weaker\)/,
    );
    deepEqual((await run.observe(steps.closing)).drift, []);
    systemctl(host, "stop", "worker");
    match(
      (await run.observe(steps.closing)).drift.map(({ observed }) => observed).join(),
      /^worker on host-a: systemd has it as inactive/,
    );
  });

  it("takes a host out of the load balancer and back in, in this order", async () => {
    const { run, steps, hosts, toClosing } = await setUpServed(["host-a"]);
    const [host] = hosts as [ServedHost];
    await toClosing();
    const command = (word: string) => ["sh", "-c", `echo ${word} >>${host.folder}/systemctl.log`];
    const restart = { ...RESTART, drain: command("drain"), undrain: command("undrain") };
    await run.apply({ ...steps.closing, fields: { ...steps.closing.fields, restart } });
    deepEqual(restarts(host), ["drain", "web", "worker", "undrain"]);
  });

  it("refuses a restart that would fail requests, or states the gap when that is allowed", async () => {
    const { run, steps, toClosing } = await setUpServed(["host-a"]);
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
    const { run, steps, hosts, toClosing } = await setUpServed(["host-a"]);
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
