import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Declared } from "./rollout-fixture.ts";
import { endServed, restarts, saidBy, setUpServed } from "./served-rollout.ts";
import type { ServedHost } from "./unit-stand-in.ts";

/** A host with the flag on, and the steps that switch it off as `rollout flag off` runs them. */
async function flagOn() {
  const served = await setUpServed(["host-a"]);
  const { run, steps, hosts, baseline, feature, toClosing } = served;
  const [host] = hosts as [ServedHost];
  await toClosing();
  await run.apply(steps.closing);
  const basis = { release: feature, flag: false };
  const off = {
    flag: { ...steps.flag, fields: { ...steps.flag.fields, value: false } },
    closing: { ...steps.closing, fields: { ...steps.closing.fields, basis } },
  };
  /** As an `up` declares it that has looked before the flag was switched off. */
  const planned = (declared: Declared): Declared => ({
    ...declared,
    fields: { ...declared.fields, generation: 2 },
  });
  const says = () => saidBy(host, { [baseline]: "baseline", [feature]: "feature" });
  return { run, steps, host, off, planned, says };
}

describe("the flag switched off while another run is under way", function () {
  this.timeout(120_000);
  afterEach(endServed);

  it("is not switched on again by a step that was planned before", async () => {
    const { run, steps, host, off, planned, says } = await flagOn();
    await run.apply(off.flag);
    await run.apply(off.closing);
    await rejects(
      run.apply(planned(steps.flag)),
      /env-flag: not started\.\n {2}- expected the flag as this run found it, got off since record \d+: .* begin anew: npx rollout up --stack s$/,
    );
    match(readFileSync(host.envFile, "utf8"), /FLAG=false\n$/);
    equal(run.entry(steps.flag)?.spec.value, false);
    deepEqual(await says(), ["feature off", "feature off", "feature off"]);
  });

  it("is neither proven on nor brought back by the restart of a run that planned it on", async () => {
    const { run, steps, host, off, planned } = await flagOn();
    await run.apply(off.flag);
    const done = restarts(host).length;
    const patched = {
      ...steps.closing.fields,
      restart: { maxUnavailable: 2, timeoutSeconds: 8, stableSeconds: 1, zeroFailures: true },
    };
    await rejects(
      run.apply(planned({ ...steps.closing, fields: patched })),
      /service-restart: not started\.\n {2}- expected the flag on, got off in the evidence: another run has switched it/,
    );
    equal(restarts(host).length, done);
    match(readFileSync(host.envFile, "utf8"), /FLAG=false\n$/);
    await run.apply(off.closing);
  });

  it("may be switched on by a run that begins later", async () => {
    const { run, steps, off, says } = await flagOn();
    await run.apply(off.flag);
    await run.apply(off.closing);
    await run.apply(steps.flag);
    await run.apply(steps.closing);
    deepEqual(await says(), ["feature on", "feature on", "feature on"]);
  });
});
