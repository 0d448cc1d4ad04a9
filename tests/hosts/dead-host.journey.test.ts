import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { abandonHost } from "../../cli/recover/abandon-host.ts";
import type { EndRecord } from "../../ledger/record.ts";
import { die, revive } from "./dead-host.ts";
import type { Declared, HostRollout } from "./rollout-fixture.ts";
import { endServed, restarts, saidBy, setUpServed } from "./served-rollout.ts";
import type { ServedHost } from "./unit-stand-in.ts";

const ON = ["feature on", "feature on", "feature on"];
const BEFORE = ["baseline off", "baseline off", "baseline off"];

/** Two hosts on the new release with the flag on; the second one dies. */
async function oneDead() {
  const served = await setUpServed(["host-a", "host-b"]);
  const { run, steps, hosts, baseline, feature, toClosing } = served;
  const [a, b] = hosts as [ServedHost, ServedHost];
  const names = { [baseline]: "baseline", [feature]: "feature" };
  await toClosing();
  await run.apply(steps.closing);
  die(b);
  /** As the engine does it: each step in turn, and none after one that failed. */
  const lower = async () => {
    for (const step of [steps.closing, steps.flag, steps.switched, steps.release]) await run.undo(step);
    return run.undo(steps.opening);
  };
  const filesOf = ({ appDir, envFile }: ServedHost) => [
    readlinkSync(join(appDir, "current")).slice("releases/".length),
    readFileSync(envFile, "utf8"),
  ];
  const states = () => [steps.flag, steps.switched, steps.opening].map((step) => run.entry(step)?.state);
  return { ...served, a, b, lower, filesOf, states, says: (host: ServedHost) => saidBy(host, names) };
}

const FILES_BEFORE = "DATABASE_URL=postgres://x\n";

describe("going back while a host is dead", function () {
  this.timeout(120_000);
  afterEach(endServed);

  it("takes the other hosts back, names the dead one and how to go on, and does not call the phase undone", async () => {
    const { run, steps, a, lower, filesOf, states, says, baseline } = await oneDead();
    await run.undo(steps.closing);
    const { summary, kept } = await run.undo(steps.flag);
    match(summary, /^set FLAG back on 1 hosts \(left: host-b\)$/);
    match(
      kept.map(({ subject, reason }) => `${subject}: ${reason}`).join("\n"),
      /^host-b: left as it is: expected .* on host-b, got .* once it answers: npx rollout up --stack s$/,
    );
    await rejects(
      lower(),
      /got 1 hosts that do not:\n {2}- host-a: proven, 3 processes\n {2}- host-b: expected .*\n {2}Those are not back yet\. They may still run release [0-9a-f]{12}, so the database is not taken back before them\. Mend them, then: npx rollout up --stack s\. One that is gone for good: npx rollout recover --without/,
    );
    deepEqual(await says(a), BEFORE);
    deepEqual(filesOf(a), [baseline, FILES_BEFORE]);
    deepEqual(states(), ["undone", "undone", "half-done"]);
  });

  it("finds the host again once it answers: its files and its processes are exactly as they were", async () => {
    const { run, steps, a, b, lower, filesOf, states, says, baseline } = await oneDead();
    await rejects(lower(), /host-b/);
    const before = restarts(a).length;
    revive(b);
    deepEqual(await says(b), ON, "it comes back with the new code: that is what must not be forgotten");
    match((await run.undo(steps.opening)).summary, /restarted 2 hosts; 6 processes are proven/);
    for (const host of [a, b]) {
      deepEqual(await says(host), BEFORE);
      deepEqual(filesOf(host), [baseline, FILES_BEFORE]);
    }
    equal(restarts(a).length, before, "a host that is back is left alone");
    deepEqual(states(), ["undone", "undone", "undone"]);
  });

  it("brings back in the same run a host that answers by the time of the restart", async () => {
    const { run, steps, a, b, filesOf, says, baseline } = await oneDead();
    for (const step of [steps.closing, steps.flag, steps.switched, steps.release]) await run.undo(step);
    revive(b);
    await run.undo(steps.opening);
    for (const host of [a, b]) {
      deepEqual(await says(host), BEFORE);
      deepEqual(filesOf(host), [baseline, FILES_BEFORE]);
    }
  });

  it("knows what such a host had before also when the rollout goes on instead, and back later", async () => {
    const { run, steps, hosts, b, lower, filesOf, says, baseline, toClosing } = await oneDead();
    await rejects(lower(), /host-b/);
    await rejects(run.apply(steps.opening), /service-restart: expected 2 hosts to be done.*\n {2}- host-b/);
    revive(b);
    await toClosing();
    await run.apply(steps.closing);
    for (const host of hosts) deepEqual(await says(host), ON);
    await lower();
    for (const host of hosts) {
      deepEqual(await says(host), BEFORE);
      deepEqual(filesOf(host), [baseline, FILES_BEFORE]);
    }
  });

  /** The dead host is given up, as `rollout recover --without` does it. */
  const giveUp = (run: HostRollout, host: string, reason = "its disk burnt") =>
    abandonHost(run.chain, { host, reason }, run.deps());

  it("ends without a host that is gone for good once somebody says so: it is named, and nothing else waits for it", async () => {
    const { run, steps, a, lower, filesOf, states, says, baseline } = await oneDead();
    await rejects(lower(), /host-b/);
    // However often it is tried.
    await rejects(run.undo(steps.opening), /host-b/);
    match(
      (await giveUp(run, "host-b")).join("\n"),
      /^host-b is given up \(its disk burnt\): .*\ntake host-b out of `hosts`/,
    );
    const { summary, kept } = await run.undo(steps.opening);
    match(summary, /^restarted 1 hosts; 3 processes are proven \(left: host-b\)$/);
    match(
      kept.map(({ subject, reason }) => `${subject}: ${reason}`).join("\n"),
      /^host-b: left for good, given up on \S+Z by \S+ \(its disk burnt\): expected .* on host-b, got /,
    );
    deepEqual(await says(a), BEFORE);
    deepEqual(filesOf(a), [baseline, FILES_BEFORE]);
    deepEqual(states(), ["undone", "undone", "undone"]);
    const [{ result } = {}] = run.chain.records
      .filter(({ record }) => record === "end")
      .slice(-1) as EndRecord[];
    match(JSON.stringify(result), /left for good/);
  });

  it("goes back also when no host is left at all", async () => {
    const { run, a, lower, states } = await oneDead();
    die(a);
    for (const host of ["host-a", "host-b"]) await giveUp(run, host);
    const { summary } = await lower();
    match(summary, /^restarted 0 hosts; 0 processes are proven \(left: host-a, host-b\)$/);
    deepEqual(states(), ["undone", "undone", "undone"]);
  });

  it("brings a host back that was given up and answers after all", async () => {
    const { run, hosts, b, lower, says } = await oneDead();
    await giveUp(run, "host-b");
    revive(b);
    match((await lower()).summary, /^restarted 2 hosts; 6 processes are proven$/);
    for (const host of hosts) deepEqual(await says(host), BEFORE);
  });

  it("waits again for a host that was given up and is in the configuration once more", async () => {
    const { run, steps, b, lower, toClosing } = await oneDead();
    await rejects(lower(), /host-b/);
    await giveUp(run, "host-b");
    revive(b);
    await toClosing();
    await run.apply(steps.closing);
    die(b);
    await rejects(lower(), /got 1 hosts that do not:\n[\s\S]*host-b: expected/);
  });

  it("gives up no host without a reason, none that answers, and none that nothing was done to", async () => {
    const { run } = await oneDead();
    const records = run.chain.records.length;
    await rejects(giveUp(run, "host-b", " "), /expected a reason for --without/);
    await rejects(
      giveUp(run, "host-a"),
      /expected host-a to be out of reach, got an answer: `up` brings it back/,
    );
    await rejects(giveUp(run, "host-c"), /something is to be undone on \(host-a, host-b\), got host-c/);
    equal(run.chain.records.length, records);
  });

  it("goes back without a host that was taken out of the configuration before", async () => {
    const { run, steps, a, says } = await oneDead();
    const [only] = (steps.flag.fields as { hosts: unknown[] }).hosts;
    const without = (step: Declared): Declared => ({ ...step, fields: { ...step.fields, hosts: [only] } });
    const { opening, release, switched, flag, closing } = steps;
    for (const step of [opening, release, switched, flag, closing]) await run.apply(without(step));
    for (const step of [closing, flag, switched, release, opening]) await run.undo(without(step));
    deepEqual(await says(a), BEFORE);
  });

  it("fails before anything is called undone while no host answers", async () => {
    const { run, steps, a } = await oneDead();
    die(a);
    const flag: Declared = steps.flag;
    await rejects(run.undo(flag), /expected 2 hosts to be done, got 2 that are not/);
    equal(run.entry(flag)?.state, "half-done");
  });
});
