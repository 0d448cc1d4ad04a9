import assert from "node:assert/strict";
import { type Entry, type EvidenceReader, evidenceOf } from "../../ledger/entries.ts";
import type { ChangeStepSpec } from "../../steps/migration/change-spec.ts";
import { expectApply, expectRestore, scaleSeconds } from "../../steps/rehearsal/rehearsed.ts";
import { CHANGE } from "./rollout-target.ts";

const MIGRATION: ChangeStepSpec["migration"] = {
  ...{ strategy: "online", batchSize: 1000, connections: 2, lockTimeoutMs: 50 },
  ...{ appTriggers: "refuse", journalReplication: "refuse", reaffirmed: "keep" },
};
const SPEC: ChangeStepSpec = {
  specVersion: 1,
  identity: { stack: "s", phase: "database-migration", step: "migration", evidenceUrl: "file:e" },
  generation: 1,
  deadlineSeconds: 60,
  change: CHANGE,
  migration: MIGRATION,
};

const LOCKS = [
  { mode: "ACCESS EXCLUSIVE", times: 3, longestMs: 4 },
  { mode: "SHARE UPDATE EXCLUSIVE", times: 1, longestMs: 12 },
];
const part = (step: string, verb: string, seconds: number, round = 1) => ({
  ...{ step, verb, seconds, round, locks: step === "constraint" ? LOCKS : [], writerWaitMs: 2 },
});
const RESULT = {
  ...{ rows: 1000, changedRows: 400, scale: 3 },
  parts: [
    part("migration", "apply", 10),
    part("constraint", "apply", 0.2),
    part("migration", "undo", 8),
    part("migration", "apply", 99, 2),
  ],
};

/** Evidence with one rehearsal, changed by `overrides`. */
function evidence(overrides: Partial<Entry> = {}): EvidenceReader {
  const entry: Entry = {
    ...{
      phase: "database-migration",
      step: "rehearsal",
      kind: "rehearsal",
      state: "done",
      since: 1,
      begun: 1,
    },
    ...{ generation: 1, digest: "d", spec: { change: CHANGE, migration: MIGRATION }, result: RESULT },
    ...overrides,
  };
  return { ...evidenceOf([]), entries: () => new Map([["database-migration/rehearsal", entry]]) };
}

const constant = 77;

describe("estimate from the rehearsal", () => {
  for (const [seconds, ratio, expected] of [
    [10, 1, 10],
    [10, 2.5, 25],
    [10, 0.25, 3],
    [0.2, 1, 1],
    [0, 5, 1],
    [79.7, 10, 797],
  ] as const) {
    it(`makes ${expected} s of ${seconds} s at ${ratio} times the rows`, () => {
      assert.equal(scaleSeconds(seconds, ratio), expected);
    });
  }

  for (const [rows, expected] of [
    [1000, 10],
    [5000, 50],
    [100, 1],
    // Not known: the table as it was at the rehearsal.
    [-1, 30],
    [0, 30],
  ] as const) {
    it(`scales the first time forward by the table's size: ${expected} s for ${rows} rows`, () => {
      const { estimateSeconds, estimateSource } = expectApply("migration", SPEC, evidence(), {
        rows,
        constant,
      });
      assert.deepEqual([estimateSeconds, estimateSource], [expected, "measured in rehearsal"]);
    });
  }

  it("tells the locks that were held, and how long a writer waited", () => {
    assert.deepEqual(expectApply("constraint", SPEC, evidence(), { rows: 1000, constant }).locks, [
      "in rehearsal, on 1,000 rows: ACCESS EXCLUSIVE 3 times, 4 ms at the longest; SHARE UPDATE EXCLUSIVE once, " +
        "12 ms at the longest; no writer waited longer than 2 ms",
    ]);
  });

  it("scales the way back by the rows that it restores", () => {
    assert.equal(
      expectRestore(SPEC, evidence(), { rows: 800, constant }),
      "about 16 s, measured in rehearsal",
    );
    const nothing = evidence({ result: { ...RESULT, changedRows: 0 } });
    assert.equal(expectRestore(SPEC, nothing, { rows: 800, constant }), "about 77 s");
  });

  const useless: [string, EvidenceReader][] = [
    ["there is none", evidenceOf([])],
    ["it was undone", evidence({ state: "undone" })],
    ["it is half-done", evidence({ state: "half-done" })],
    ["it is another phase's", evidence({ phase: "other" })],
    [
      "the change is another",
      evidence({ spec: { change: { ...CHANGE, column: "x" }, migration: MIGRATION } }),
    ],
    [
      "the settings are others",
      evidence({ spec: { change: CHANGE, migration: { ...MIGRATION, batchSize: 9 } } }),
    ],
    ["the copy's table was empty", evidence({ result: { ...RESULT, rows: 0 } })],
    ["its result has another shape", evidence({ result: { rows: 10 } })],
    ["it lacks the step", evidence({ result: { ...RESULT, parts: [] } })],
  ];
  for (const [reason, reader] of useless) {
    it(`is the constant, and says so, when ${reason}`, () => {
      assert.deepEqual(expectApply("migration", SPEC, reader, { rows: 5000, constant }), {
        ...{ estimateSeconds: constant, estimateSource: "estimated", locks: [] },
      });
      assert.equal(expectRestore(SPEC, reader, { rows: 800, constant }), "about 77 s");
    });
  }
});
