import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ProcessProof } from "../../hosts/process-proof.ts";
import type { Declared } from "./rollout-fixture.ts";
import { endServed, RESTART, restarts, saidBy, setUpServed } from "./served-rollout.ts";
import type { ServedHost } from "./unit-stand-in.ts";

const withFields = (declared: Declared, more: object): Declared => ({
  ...declared,
  fields: { ...declared.fields, ...more },
});

describe("a restart that was broken off or fails", function () {
  this.timeout(240_000);
  afterEach(endServed);

  it("brings a drained host back into the load balancer that runs what is wanted already", async () => {
    const { run, steps, hosts, toClosing } = await setUpServed(["host-a"]);
    const [host] = hosts as [ServedHost];
    await toClosing();
    const command = (words: string) => ["sh", "-c", words];
    const log = (word: string) => `echo ${word} >>${host.folder}/systemctl.log`;
    const broken = join(host.folder, "balancer-is-down");
    writeFileSync(broken, "");
    const closing = withFields(steps.closing, {
      restart: {
        ...RESTART,
        drain: command(log("drain")),
        undrain: command(`test ! -e ${broken} && ${log("undrain")}`),
      },
    });
    await rejects(run.apply(closing), /host-command|expected it to end well on host-a/);
    rmSync(broken);
    rmSync(join(host.folder, "systemctl.log"));
    for (const step of [steps.switched, steps.flag]) await run.apply(step);
    await run.apply(closing);
    equal(restarts(host).at(-1), "undrain");
    // And where the restart itself is not needed at all, as after a kill between it and the balancer.
    rmSync(join(host.folder, "systemctl.log"));
    await run.apply(withFields(closing, { generation: 9 }));
    deepEqual(restarts(host), ["undrain"]);
  });

  it("puts a host back to off, on the same release, when the flag cannot be switched on there", async () => {
    const { run, steps, hosts, baseline, feature, toClosing } = await setUpServed(["host-a"]);
    const [host] = hosts as [ServedHost];
    const names = { [baseline]: "baseline", [feature]: "feature" };
    const off = { basis: { release: feature, flag: false } };
    await toClosing();
    await run.apply(withFields(steps.flag, { value: false }));
    await run.apply(withFields(steps.closing, off));
    writeFileSync(join(host.folder, `deaf-${feature}`), "");
    await run.apply(steps.flag);
    const on = withFields(steps.closing, { restart: { ...RESTART, timeoutSeconds: 2 } });
    await rejects(run.apply(on), (error: Error) => {
      match(
        error.message,
        /host-a: put back: .* It was put back to what it ran before; 3 processes are proven/,
      );
      return true;
    });
    deepEqual(await saidBy(host, names), ["feature off", "feature off", "feature off"]);
    equal(readlinkSync(join(host.appDir, "current")), `releases/${feature}`);
    match(readFileSync(host.envFile, "utf8"), /FLAG=false\n$/);
  });

  it("gives the commands for the load balancer their own time, and says when it is over", async () => {
    const { run, steps, hosts, toClosing } = await setUpServed(["host-a"]);
    const [host] = hosts as [ServedHost];
    await toClosing();
    const restart = { ...RESTART, drain: ["sleep", "60"], undrain: ["true"], drainTimeoutSeconds: 1 };
    await rejects(
      run.apply(withFields(steps.closing, { restart })),
      /host-a: failed: expected it to end within 1 s on host-a, got no end/,
    );
    deepEqual(restarts(host), []);
  });

  it("gives each unit as long to stop as systemd would, and no longer", async () => {
    const { run, steps, hosts, toClosing } = await setUpServed(["host-a"]);
    const [host] = hosts as [ServedHost];
    await toClosing();
    const file = join(host.folder, "units.json");
    const plan = JSON.parse(readFileSync(file, "utf8"));
    for (const unit of Object.values(plan.units) as { stop: string; hangs: boolean }[])
      Object.assign(unit, { stop: "500ms", hangs: true });
    writeFileSync(file, JSON.stringify(plan));
    const restart = { ...RESTART, timeoutSeconds: 1 };
    await rejects(
      run.apply(withFields(steps.closing, { restart })),
      /host-a: failed: expected it to end within 3 s on host-a, got no end/,
    );
  });

  /** Phase 2 done on hosts with a worker that cannot be asked, its files back and only the opening restart left. */
  async function filesBack(names = ["host-a", "host-b"]) {
    const served = await setUpServed(names, { silentWorker: true });
    const { run, steps, toClosing, hosts } = served;
    await toClosing();
    await run.apply(steps.closing);
    for (const step of [steps.closing, steps.flag, steps.switched, steps.release]) await run.undo(step);
    // The spec that is undone is the recorded one: it waits as long as it was told.
    return { ...served, first: hosts[0] as ServedHost };
  }

  const forking = ({ folder }: ServedHost) => {
    const file = join(folder, "units.json");
    const plan = JSON.parse(readFileSync(file, "utf8"));
    plan.units.worker.forking = true;
    writeFileSync(file, JSON.stringify(plan));
  };

  it("goes back although nothing can be proven of a unit without a main process: it is restarted, and said to be unproven", async () => {
    const { run, steps, hosts, first } = await filesBack();
    forking(first);
    const before = restarts(first).length;
    const { summary, kept } = await run.undo(steps.opening);
    match(
      summary,
      /^restarted 2 hosts; 4 processes are proven \(2 by the host's look alone, weaker\) \(restarted, not proven: host-a\)$/,
    );
    deepEqual(
      kept.map(({ subject }) => subject),
      ["host-a"],
    );
    match(kept[0]?.reason ?? "", /^restarted, not proven: expected every process of host-a to run/);
    match(kept[0]?.reason ?? "", /worker on host-a: systemd has it as active/);
    equal(run.entry(steps.opening)?.state, "undone");
    deepEqual(restarts(first).slice(before), ["web", "worker"]);
    equal(
      restarts(hosts[1] as ServedHost)
        .slice(-2)
        .join(),
      "web,worker",
    );
  });

  it("goes back over code that knows no health contract: the host looks at its processes, and that is said", async () => {
    const { run, steps, first, baseline } = await filesBack(["host-a"]);
    writeFileSync(join(first.folder, `mute-${baseline}`), "");
    const { summary, kept, processes } = await run.undo(steps.opening);
    match(summary, /^restarted 1 hosts; 5 processes are proven \(5 by the host's look alone, weaker\)$/);
    deepEqual(kept, []);
    const web = (processes as ProcessProof[]).filter(({ unit }) => unit === "web");
    deepEqual(
      web.map(({ by, release }) => [by, release]),
      web.map(() => ["process", baseline]),
    );
    match(web[0]?.reason ?? "", /its health address: expected JSON with .*, got HTTP 200, .*"OK"/);
  });

  it("does not go back over a process that is known to run the later release", async () => {
    const { run, steps, first, feature } = await filesBack(["host-a"]);
    // Someone points it at the new release again just before the processes start.
    const systemctl = join(first.folder, "bin/systemctl");
    const own = readFileSync(systemctl, "utf8");
    writeFileSync(`${systemctl}.own`, own, { mode: 0o755 });
    const link = `ln -sfn releases/${feature} ${first.appDir}/current`;
    writeFileSync(systemctl, `#!/bin/sh\n[ "$1" != restart ] || ${link}\nexec ${systemctl}.own "$@"\n`);
    await rejects(run.undo(steps.opening), /host-a: failed: .* is a straggler: it says release/);
    equal(run.entry(steps.opening)?.state, "half-done");
  });

  it("gives a canary that does not start its flag back byte for byte, whatever the line was", async () => {
    const { run, steps, hosts, baseline, feature, toClosing } = await setUpServed(["host-a", "host-b"]);
    const [host, other] = hosts as [ServedHost, ServedHost];
    const odd = `# FLAG\nFEATURES=false\nFLAG=\${FEATURES}\nA='it'`;
    writeFileSync(host.envFile, odd);
    await toClosing();
    writeFileSync(join(host.folder, `fails-${feature}`), "");
    await rejects(
      run.apply(steps.closing),
      /host-a: put back: .* It was put back to what it ran before; 3 processes are proven\.\n {2}- host-b: untouched/,
    );
    equal(readFileSync(host.envFile, "utf8"), odd);
    const names = { [baseline]: "baseline", [feature]: "feature" };
    for (const each of [host, other]) deepEqual(await saidBy(each, names), Array(3).fill("baseline off"));
    for (const step of [steps.closing, steps.flag, steps.switched, steps.release, steps.opening])
      await run.undo(step);
    equal(readFileSync(host.envFile, "utf8"), odd);
  });
});
