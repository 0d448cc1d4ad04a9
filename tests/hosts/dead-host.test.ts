import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { die, revive } from "./dead-host.ts";
import type { Declared } from "./rollout-fixture.ts";
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
      /got 1 hosts that do not:\n {2}- host-a: proven, 3 processes\n {2}- host-b: expected .*\n {2}Those are not back yet\. Mend them, then: npx rollout up --stack s$/,
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

  it("fails before anything is called undone while no host answers", async () => {
    const { run, steps, a } = await oneDead();
    die(a);
    const flag: Declared = steps.flag;
    await rejects(run.undo(flag), /expected 2 hosts to be done, got 2 that are not/);
    equal(run.entry(flag)?.state, "half-done");
  });
});
