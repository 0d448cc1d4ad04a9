import { deepEqual, equal } from "node:assert/strict";
import { Chain } from "../../ledger/chain.ts";
import { countLeft, describeLeft, type LeftThing, leftElsewhere, leftOf } from "../../ledger/left.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const ROWS: LeftThing = {
  step: "migration",
  subject: "1,234 rows of deals.deal_type",
  reason: "CHECK positive refuses it",
  code: "23514",
  remedy: "Correct the row.",
  count: 1234,
  keys: ["1", "7"],
};
const NORMALISER: LeftThing = { ...ROWS, step: "contract", subject: "the normaliser", count: 1, keys: [] };
const HOST: LeftThing = { ...NORMALISER, step: "env-flag", subject: "web-1", code: null };

type Happening =
  | [verb: "apply" | "undo", phase: string, kind: string, left?: LeftThing[]]
  | "accepted"
  | "replaced";

function leftAfter(...happenings: Happening[]): string[] {
  const chain = Chain.open(temporaryFolder("left"));
  for (const happening of happenings) {
    if (happening === "replaced") chain.append({ record: "event", event: "target-replaced", note: "" });
    else if (happening === "accepted") {
      const what = { reason: "r", count: 1, left: [ROWS], journal: "artifacts/j", note: "" };
      chain.append({ record: "event", event: "left-accepted", ...what });
    } else {
      const [verb, phase, kind, left] = happening;
      const fields = { phase, step: kind, kind, verb };
      const begin = { digest: "d".repeat(64), generation: 1, spec: {}, will: [] };
      const { number } = chain.append({ record: "begin", ...fields, ...begin });
      const result = left ? { left } : {};
      chain.append({ record: "end", ...fields, begin: number, outcome: "done", result });
    }
  }
  return leftOf(chain.records).map(({ step }) => step);
}

describe("what undos have left, by the evidence", () => {
  const one = "database-migration";
  const rows: [what: string, happenings: Happening[], left: string[]][] = [
    ["nothing where nothing was undone", [["apply", one, "migration"]], []],
    ["what the last undo of a step says", [["undo", one, "migration", [ROWS]]], ["migration"]],
    [
      "nothing of a step that is undone again and leaves nothing",
      [
        ["undo", one, "migration", [ROWS]],
        ["undo", one, "migration", []],
      ],
      [],
    ],
    [
      "once, what the undos of two steps tell",
      [
        ["undo", one, "constraint", [ROWS]],
        ["undo", one, "migration", [ROWS]],
      ],
      ["migration"],
    ],
    [
      "nothing of the database once expand's undo leaves nothing",
      [
        ["undo", "validation", "contract", [NORMALISER]],
        ["undo", one, "migration", [ROWS]],
        ["undo", one, "expand", []],
      ],
      [],
    ],
    [
      "a host's, whatever the database's undo says",
      [
        ["undo", "code-deployment", "env-flag", [HOST]],
        ["undo", one, "expand", []],
      ],
      ["env-flag"],
    ],
    [
      "nothing of a step that is done again",
      [
        ["undo", "validation", "contract", [NORMALISER]],
        ["apply", "validation", "contract"],
      ],
      [],
    ],
    ["nothing that was accepted", [["undo", one, "expand", [ROWS]], "accepted"], []],
    ["nothing of a target that was replaced", [["undo", one, "expand", [ROWS]], "replaced"], []],
  ];
  for (const [what, happenings, left] of rows)
    it(`is ${what}`, () => deepEqual(leftAfter(...happenings), left));

  it("is told in one line each, and counted", () => {
    equal(
      describeLeft(ROWS),
      "migration: 1,234 rows of deals.deal_type (1, 7, … 1,232 more): CHECK positive refuses it (SQLSTATE 23514). Correct the row.",
    );
    equal(describeLeft(HOST), "env-flag: web-1: CHECK positive refuses it. Correct the row.");
    equal(countLeft([ROWS, HOST]), 1235);
    deepEqual(leftElsewhere([ROWS, HOST]), [HOST]);
  });
});
