import assert from "node:assert/strict";
import { phaseSpans, runsOf } from "../../ledger/timeline.ts";
import { RolledOut } from "../archive/rolled-out.ts";

describe("the course of a rollout", () => {
  it("tells of each run how it ended: done, failed, killed when something else came after, running when last", () => {
    const stack = new RolledOut();
    stack.run("pre-flight", "guard");
    stack.run("pre-flight", "backup", { outcome: "failed", error: "disk full" });
    stack.run("pre-flight", "backup", { outcome: null });
    stack.run("pre-flight", "backup", { verb: "undo" });
    stack.run("pre-flight", "backup", { outcome: null });
    assert.deepEqual(
      runsOf(stack.chain.records).map(({ step, verb, outcome, seconds }) => [step, verb, outcome, seconds]),
      [
        ["guard", "apply", "done", 10],
        ["backup", "apply", "failed", 10],
        ["backup", "apply", "killed", 0],
        ["backup", "undo", "done", 10],
        ["backup", "apply", "running", 0],
      ],
    );
    const [span] = phaseSpans(runsOf(stack.chain.records));
    const { applies, repeats, undos, failures, applySeconds } = span ?? {};
    assert.deepEqual(
      { applies, repeats, undos, failures },
      { applies: 4, repeats: 2, undos: 1, failures: 2 },
    );
    assert.equal(applySeconds, 20);
  });

  it("counts a clock that went backwards as no time", () => {
    const stack = new RolledOut();
    stack.run("pre-flight", "guard", { at: new Date("2025-02-03T10:00:00Z"), outcome: null });
    stack.append(
      {
        record: "end",
        phase: "pre-flight",
        step: "guard",
        kind: "guard",
        verb: "apply",
        begin: 1,
        outcome: "done",
      },
      new Date("2025-02-03T09:00:00Z"),
    );
    assert.equal(runsOf(stack.chain.records)[0]?.seconds, 0);
  });
});
