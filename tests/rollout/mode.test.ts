import assert from "node:assert/strict";
import type { Entry } from "../../ledger/entries.ts";
import { modeOf, refuseJump } from "../../rollout/mode.ts";

describe("mode", () => {
  const table: [number, number | null, number | null, string][] = [
    [0, null, null, "advance"],
    [0, null, 0, "advance"],
    [0, 0, 0, "hold"],
    [1, 0, 0, "advance"],
    [1, 0, 1, "advance"],
    [1, 1, 1, "hold"],
    [0, 1, 1, "lower"],
    [0, 0, 1, "lower"],
    [0, null, 1, "lower"],
  ];
  for (const [wanted, actual, reached, mode] of table) {
    it(`is ${mode} when ${wanted} is wanted, ${actual} is done and ${reached} was begun`, () => {
      assert.equal(modeOf({ phase: wanted, flag: true }, { actual, reached }, new Map()), mode);
    });
  }
});

describe("jump", () => {
  const refused = (wanted: number, actual: number | null) =>
    refuseJump(wanted, { actual, reached: actual }, "s")[0];

  it("lets phases rise by one and fall by any number", () => {
    for (const [wanted, actual] of [
      [0, null],
      [1, 0],
      [0, 4],
      [4, 3],
      [2, 2],
    ] as const) {
      assert.equal(refused(wanted, actual), undefined);
    }
  });

  it("lets a phase that was begun go on, whatever became of an earlier one since", () => {
    assert.deepEqual(refuseJump(1, { actual: null, reached: 1 }, "s"), []);
    assert.match(refuseJump(2, { actual: null, reached: 1 }, "s")[0] ?? "", /phase 1 at the most/);
  });

  it("refuses a jump with the phase that may be had and the command that sets it", () => {
    assert.equal(
      refused(4, 0),
      "config: expected phase 1 at the most, since phase 0 (pre-flight) is done and phases rise one at a time, got 4. " +
        "Set it: pulumi config set phase 1 --stack s",
    );
    assert.match(refused(1, null) ?? "", /phase 0 at the most, since no phase is done yet/);
  });
});

describe("a rollout that is finished", () => {
  const finished = {
    at: "2026-05-01T00:00:00.000Z",
    by: "ada on bastion",
    reason: "green audit",
    number: 90,
  };
  const left = new Map([["validation/contract", { state: "done", finished } as unknown as Entry]]);
  const refused = (wanted: number) => refuseJump(wanted, { actual: 4, reached: 4, finished }, "s")[0];

  it("holds its phase, also where a newer release has more steps", () => {
    for (const actual of [4, 3])
      assert.equal(modeOf({ phase: 4, flag: true }, { actual, reached: 4 }, left), "hold");
    assert.equal(refused(4), undefined);
  });

  it("refuses every other phase, with who finished it and what is left to do", () => {
    for (const wanted of [0, 3])
      assert.equal(
        refused(wanted),
        `config: expected phase 4, since the rollout was finished on 2026-05-01T00:00:00.000Z by ada on bastion and stays as it is, got ${wanted}. ` +
          "Set it back: pulumi config set phase 4 --stack s. `npx rollout destroy` takes the stack apart and leaves the data alone.",
      );
  });
});
