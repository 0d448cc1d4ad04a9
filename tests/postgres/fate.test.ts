import assert from "node:assert/strict";
import { type Fate, followRow, type RowEvent } from "../../postgres/migration/fate.ts";

type Short = [seq: number, kind: RowEvent["kind"], key: string | null, newKey?: string];

function fateOf(events: Short[], reaffirmed: "keep" | "restore" = "keep"): Fate {
  const all = events.map(([seq, kind, key, newKey]) => ({ seq, kind, key, newKey: newKey ?? null }));
  const truncatedAt = Math.max(0, ...all.filter(({ key }) => key === null).map(({ seq }) => seq));
  const entry = { since: 10, key: "a", raw: null, became: "acquisition" };
  return followRow(entry, (key) => all.filter((event) => event.key === key), { reaffirmed, truncatedAt });
}

describe("the fate of a journalled row", () => {
  const cases: [string, Short[], Fate][] = [
    ["gets its original back when nobody touched it", [], { verdict: "restore", key: "a" }],
    [
      "forgets what happened before the journal entry",
      [
        [9, "assign", "a"],
        [3, "delete", "a"],
      ],
      { verdict: "restore", key: "a" },
    ],
    ["does not care about other rows", [[11, "delete", "b"]], { verdict: "restore", key: "a" }],
    [
      "keeps a value that a user assigned",
      [[11, "assign", "a"]],
      { verdict: "keep", key: "a", reason: "assigned" },
    ],
    [
      "keeps and names a reaffirmed value",
      [[11, "reaffirm", "a"]],
      { verdict: "keep", key: "a", reason: "reaffirmed" },
    ],
    [
      "counts a later assignment more than a reaffirmation",
      [
        [11, "reaffirm", "a"],
        [12, "assign", "a"],
      ],
      { verdict: "keep", key: "a", reason: "assigned" },
    ],
    [
      "is gone when it was deleted, also when its key came back",
      [
        [11, "delete", "a"],
        [12, "raw", "a"],
      ],
      { verdict: "gone", key: "a", reason: "deleted" },
    ],
    [
      "leaves a later old-style write to that write's own entry",
      [
        [11, "raw", "a"],
        [12, "assign", "a"],
      ],
      { verdict: "superseded", key: "a" },
    ],
    [
      "follows its key",
      [
        [11, "rekey", "a", "b"],
        [12, "rekey", "b", "c"],
      ],
      { verdict: "restore", key: "c" },
    ],
    [
      "follows its key back to the first one",
      [
        [11, "rekey", "a", "b"],
        [12, "rekey", "b", "a"],
      ],
      { verdict: "restore", key: "a" },
    ],
    [
      "does not follow another row that took its key",
      [
        [11, "rekey", "a", "b"],
        [12, "assign", "a"],
      ],
      { verdict: "restore", key: "b" },
    ],
    [
      "is gone under its new key",
      [
        [11, "rekey", "a", "b"],
        [12, "delete", "b"],
      ],
      { verdict: "gone", key: "b", reason: "deleted" },
    ],
    [
      "is gone by TRUNCATE",
      [
        [11, "rekey", "a", "b"],
        [12, "truncate", null],
      ],
      { verdict: "gone", key: "b", reason: "truncated" },
    ],
    [
      "was deleted before the TRUNCATE",
      [
        [11, "delete", "a"],
        [12, "truncate", null],
      ],
      { verdict: "gone", key: "a", reason: "deleted" },
    ],
    ["survives a TRUNCATE that came before it", [[5, "truncate", null]], { verdict: "restore", key: "a" }],
  ];
  for (const [promise, events, expected] of cases) {
    it(promise, () => assert.deepEqual(fateOf(events), expected));
  }

  it("gets its original back though reaffirmed, when it is told to", () => {
    assert.deepEqual(fateOf([[11, "reaffirm", "a"]], "restore"), { verdict: "restore", key: "a" });
  });
});
