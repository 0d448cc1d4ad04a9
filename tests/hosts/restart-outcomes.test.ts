import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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
});
