import assert from "node:assert/strict";
import { Chain } from "../../ledger/chain.ts";
import { evidenceOf } from "../../ledger/entries.ts";
import { applyStep } from "../../steps/run-step.ts";
import { type SoakResult, soak } from "../../steps/soak.ts";
import { TargetGuard } from "../../steps/target-guard.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { baseSpec, makeDeps } from "./preflight-deps.ts";

const HOUR = 3_600_000;
const START = Date.parse("2026-03-02T08:00:00.000Z");

/** A stack whose clock is set by hand. */
class Soaking {
  now = START;
  readonly chain = Chain.open(temporaryFolder("soak"));
  readonly deps = makeDeps("", { now: () => new Date(this.now), evidence: evidenceOf(this.chain.records) });
  readonly #context = {
    ...{ chain: this.chain, deps: this.deps, target: new TargetGuard("test", undefined) },
    findStep: async () => soak,
  };

  spec(basis: { release?: string; flag?: boolean } = {}, seconds = 86_400) {
    return soak.spec.parse({ ...baseSpec("soak"), seconds, basis: { release: "a", flag: true, ...basis } });
  }
  apply(...spec: Parameters<Soaking["spec"]>): Promise<SoakResult> {
    return applyStep(soak, this.spec(...spec), this.#context) as Promise<SoakResult>;
  }
  async gate(...spec: Parameters<Soaking["spec"]>): Promise<string[]> {
    const { gate = [], drift } = await soak.observe(this.spec(...spec), this.deps);
    assert.deepEqual(drift, []);
    return gate;
  }
}

describe("soak", () => {
  it("keeps the gate shut until its time is over, and never drifts", async () => {
    const soaking = new Soaking();
    assert.deepEqual(await soaking.gate(), []);
    const { startedAt, gate } = await soaking.apply();
    assert.equal(startedAt, "2026-03-02T08:00:00.000Z");
    assert.equal(gate.length, 1);
    soaking.now = START + 5.5 * HOUR;
    assert.deepEqual(await soaking.gate(), [
      "expected 24 h of soak since 2026-03-02T08:00:00.000Z, got 5 h 30 min. It is over at 2026-03-03T08:00:00.000Z.",
    ]);
    soaking.now = START + 24 * HOUR - 1;
    assert.equal((await soaking.gate()).length, 1);
    soaking.now = START + 24 * HOUR;
    assert.deepEqual(await soaking.gate(), []);
  });

  it("begins anew with another flag or release, not with another length", async () => {
    const soaking = new Soaking();
    await soaking.apply();
    soaking.now += HOUR;
    assert.equal((await soaking.apply({}, 7_200)).startedAt, new Date(START).toISOString());
    assert.equal((await soaking.apply({ flag: false })).startedAt, new Date(START + HOUR).toISOString());
    soaking.now += HOUR;
    assert.equal((await soaking.apply()).startedAt, new Date(START + 2 * HOUR).toISOString());
    assert.equal((await soaking.apply({ release: "b" })).basis.release, "b");
  });

  it("counts a clock that went back as no time at all", async () => {
    const soaking = new Soaking();
    await soaking.apply({}, 60);
    soaking.now = START - HOUR;
    assert.match((await soaking.gate({}, 60))[0] ?? "", /expected 1 min of soak since .*, got 0 s\./);
  });

  it("is over at once where no time is asked for", async () => {
    const soaking = new Soaking();
    assert.deepEqual((await soaking.apply({}, 0)).gate, []);
  });
});
