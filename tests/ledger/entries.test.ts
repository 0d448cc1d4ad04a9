import assert from "node:assert/strict";
import { evidenceOf, foldEntries, startedAfter } from "../../ledger/entries.ts";
import { progressOf } from "../../ledger/progress.ts";
import type { EvidenceRecord } from "../../ledger/record.ts";

type Act = ["apply" | "undo", "done" | "failed" | "cut", string] | ["replaced"];

/** Records of a history in short: `["apply", "done", "0/backup"]`; `cut` = begun and never ended. */
function history(...acts: Act[]): EvidenceRecord[] {
  const records: object[] = [];
  const add = (record: object) =>
    records.push({ number: records.length + 1, at: "2026-01-01T00:00:00Z", ...record });
  for (const [verb, outcome, name] of acts) {
    if (verb === "replaced") {
      add({ record: "event", event: "target-replaced", note: "" });
      continue;
    }
    const [phase, step] = (name as string).split("/");
    const fields = { phase, step, kind: step, verb };
    add({ record: "begin", ...fields, digest: "d", generation: 1, spec: {} });
    if (outcome !== "cut")
      add({ record: "end", ...fields, outcome, begin: records.length, result: { by: records.length } });
  }
  return records as EvidenceRecord[];
}

const PHASES = [
  { phase: "0", steps: ["guard", "backup"], followFlag: [] },
  { phase: "1", steps: ["guard", "expand"], followFlag: [] },
];

const zero: Act[] = [
  ["apply", "done", "0/guard"],
  ["apply", "done", "0/backup"],
];

describe("entries and progress", () => {
  const table: [string, Act[], { actual: number | null; reached: number | null }][] = [
    ["nothing yet", [], { actual: null, reached: null }],
    [
      "phase 0 half-done",
      [
        ["apply", "done", "0/guard"],
        ["apply", "failed", "0/backup"],
      ],
      { actual: null, reached: 0 },
    ],
    ["phase 0 done", zero, { actual: 0, reached: 0 }],
    ["phase 1 begun and cut off", [...zero, ["apply", "cut", "1/guard"]], { actual: 0, reached: 1 }],
    [
      "phase 1 done",
      [...zero, ["apply", "done", "1/guard"], ["apply", "done", "1/expand"]],
      { actual: 1, reached: 1 },
    ],
    [
      "a repair in phase 1 failed",
      [...zero, ["apply", "done", "1/guard"], ["apply", "done", "1/expand"], ["apply", "failed", "1/expand"]],
      { actual: 0, reached: 1 },
    ],
    [
      "an undo in phase 1 failed",
      [...zero, ["apply", "done", "1/guard"], ["apply", "done", "1/expand"], ["undo", "failed", "1/expand"]],
      { actual: 0, reached: 1 },
    ],
    [
      "phase 1 undone",
      [...zero, ["apply", "done", "1/guard"], ["undo", "done", "1/guard"]],
      { actual: 0, reached: 0 },
    ],
    [
      "all undone",
      [...zero, ["undo", "done", "0/backup"], ["undo", "done", "0/guard"]],
      { actual: null, reached: null },
    ],
    ["target replaced", [...zero, ["replaced"]], { actual: null, reached: null }],
    ["target replaced, then begun anew", [...zero, ["replaced"], ...zero], { actual: 0, reached: 0 }],
  ];
  for (const [what, acts, expected] of table) {
    it(`tells how far the rollout is: ${what}`, () => {
      assert.deepEqual(progressOf(foldEntries(history(...acts)), PHASES), expected);
    });
  }

  it("unwinds in the order of first begins, newest first, repairs not counted, other phases left alone", () => {
    const entries = foldEntries(
      history(
        ["apply", "done", "1/guard"],
        ["apply", "done", "1/expand"],
        ["apply", "done", "1/migration"],
        ["apply", "failed", "1/constraint"],
        ["apply", "done", "1/expand"],
        ["apply", "done", "2/guard"],
        ["undo", "done", "1/migration"],
      ),
    );
    const guard = entries.get("1/guard");
    assert.ok(guard);
    assert.deepEqual(
      startedAfter(entries, guard).map((entry) => entry.step),
      ["constraint", "expand"],
    );
  });

  it("keeps the result of the last success through a failed repair, and forgets it after an undo", () => {
    const repaired = foldEntries(history(["apply", "done", "0/backup"], ["apply", "failed", "0/backup"]));
    assert.deepEqual(repaired.get("0/backup")?.result, { by: 1 });
    const undone = foldEntries(history(["apply", "done", "0/backup"], ["undo", "done", "0/backup"]));
    assert.equal(undone.get("0/backup")?.result, undefined);
  });

  it("are folded once for all who ask, and anew once a record was added", () => {
    const all = history(["apply", "done", "0/backup"]);
    const records = all.slice(0, 1);
    const { entries } = evidenceOf(records);
    assert.equal(entries().get("0/backup")?.state, "half-done");
    assert.equal(entries(), entries());
    records.push(...all.slice(1));
    assert.equal(entries().get("0/backup")?.state, "done");
  });
});
