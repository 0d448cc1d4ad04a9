import { deepEqual, equal, match, ok } from "node:assert/strict";
import { type Revision, readRevision } from "../../review/alembic-folder.ts";
import { readOperations } from "../../review/alembic-operations.ts";
import { judgeOrder, type OrderFacts } from "../../review/alembic-order.ts";
import { judgeScript } from "../../review/alembic-script.ts";
import { CHANGE } from "../steps/rollout-target.ts";

const gaps = () => ({ tooLarge: [], unreadable: [], cut: false });
const FACTS: OrderFacts = { folder: "versions", wanted: "004", current: ["003"], made: false };

/** Findings of a tree `{id: parents}`, as lines. */
function orderOf(tree: [string, ...string[]][], facts: Partial<OrderFacts> = {}): string[] {
  const revisions = tree.map(([id, ...parents]): Revision => ({ id, parents, file: `${id}.py`, text: "" }));
  return judgeOrder({ revisions, unclear: [], gaps: gaps() }, { ...FACTS, ...facts }).map(
    ({ severity, finding }) => `${severity} ${finding}`,
  );
}

describe("order of Alembic's revisions", () => {
  it("passes a plain line that ends with ours, and one with a merge in it", () => {
    deepEqual(orderOf([["003"], ["004", "003"]]), []);
    deepEqual(orderOf([["1"], ["2a", "1"], ["2b", "1"], ["003", "2a", "2b"], ["004", "003"]]), []);
  });

  for (const [what, tree, facts, said] of [
    [
      "two heads",
      [["003"], ["004", "003"], ["x", "003"]],
      {},
      /expected one head in versions, got 2: 004, x\./,
    ],
    [
      "a missing link",
      [
        ["003", "002"],
        ["004", "003"],
      ],
      {},
      /a file for 002, which 003\.py follows, got none/,
    ],
    [
      "a circle",
      [
        ["003", "004"],
        ["004", "003"],
      ],
      {},
      /got a circle through 00., 00./,
    ],
    ["a revision that follows itself", [["003"], ["004", "004"]], {}, /got a circle through 004\./],
    ["an id twice", [["003"], ["004", "003"], ["004", "003"]], {}, /each revision once in versions, got 004/],
    [
      "somebody else's in between",
      [["003"], ["x", "003"], ["004", "x"]],
      {},
      /got x \(x\.py\): the stamp would skip it/,
    ],
    ["none of ours", [["003"]], {}, /a file for migration\.alembicRevision 004/],
    [
      "a database ahead of the folder",
      [["003"], ["004", "003"]],
      { current: ["x"] },
      /the database's revision x/,
    ],
    [
      "one that is applied already",
      [["003"], ["004", "003"]],
      { current: ["004"] },
      /004 to be still to come/,
    ],
    [
      "a database on another branch",
      [["1"], ["003", "1"], ["x", "1"], ["004", "x"], ["m", "004", "003"]],
      {},
      /got 003 on another branch/,
    ],
    ["an empty folder", [], {}, /expected Alembic revisions in versions, got none/],
  ] as [string, [string, ...string[]][], Partial<OrderFacts>, RegExp][]) {
    it(`stops on ${what}`, () => {
      const found = orderOf(tree, facts);
      ok(
        found.some((line) => line.startsWith("stop") && said.test(line)),
        found.join("\n"),
      );
    });
  }

  it("takes the stamp of our own change for no obstacle", () => {
    deepEqual(orderOf([["003"], ["004", "003"]], { current: ["004"], made: true }), []);
  });

  it("is judged for 5,000 revisions, and for 5,000 in a circle", () => {
    const line = Array.from({ length: 5_000 }, (_, at): [string, ...string[]] =>
      at === 0 ? ["r0"] : [`r${at}`, `r${at - 1}`],
    );
    deepEqual(orderOf(line, { wanted: "r4999", current: ["r4998"] }), []);
    line[0] = ["r0", "r4999"];
    match(orderOf(line, { wanted: "r4999" })[0] ?? "", /circle through .* and 4990 more/);
  });
});

describe("an Alembic file", () => {
  const read = (text: string) => {
    const revision = readRevision("f.py", text);
    return revision && revision !== "unclear" ? [revision.id, ...revision.parents] : revision;
  };

  for (const [what, text, expected] of [
    ["plain texts", 'revision = "a"\ndown_revision = "b"', ["a", "b"]],
    ["annotations", "revision: str = 'a'\ndown_revision: Union[str, None] = None", ["a"]],
    ["a merge", 'revision = "a"\ndown_revision = ("b", "c",)', ["a", "b", "c"]],
    ["a name", 'B = "b"\nrevision = "a"\ndown_revision = B', ["a", "b"]],
    ["no revision at all", "x = 1", undefined],
    ["one that is only commented", '# revision = "a"\n"""\ndown_revision = "b"\n"""', undefined],
    ["a computed one", 'revision = make()\ndown_revision = "b"', "unclear"],
    ["a formatted one", 'revision = f"{x}"\ndown_revision = "b"', "unclear"],
    ["several names at once", 'revision, down_revision = "003", None', ["003"]],
    ["several names in brackets", '(revision, down_revision) = ["a", ("b", "c")]', ["a", "b", "c"]],
    ["a list without brackets", 'revision = "a"\ndown_revision = "b", "c"', ["a", "b", "c"]],
    ["one value for several names", 'revision = head = "a"\ndown_revision: str | None = None', ["a"]],
    ["a name among several", 'OLD, NEW = "o", "n"\nrevision, down_revision = NEW, OLD', ["n", "o"]],
    ["one that is set in a branch", 'revision = "a"\nif x:\n    down_revision = "b"\n', "unclear"],
    ["one that another file gives", 'from base import down_revision\nrevision = "a"', "unclear"],
    ["more names than values", "revision, down_revision = both", "unclear"],
    ["names in a circle", "revision = down_revision\ndown_revision = revision", "unclear"],
    ["broken Python", 'revision = "a"\ndown_revision = "b"\ndef (((', ["a", "b"]],
  ] as [string, string, unknown][]) {
    it(`is read with ${what}`, () => deepEqual(read(text), expected));
  }

  it("cannot hurt by its depth, its length or its characters", () => {
    equal(read(`revision = "a"\ndown_revision = ${"(".repeat(50_000)}`), "unclear");
    equal(read(`revision = "a"\ndown_revision = ${"[".repeat(20_000)}"b"${"]".repeat(20_000)}`), "unclear");
    equal(read("\0\u202e\ud800".repeat(100_000)), undefined);
    equal(read(`down_revision ${"\0\u202e\ud800".repeat(100_000)}`), "unclear");
    const deep = `def upgrade():\n${Array.from({ length: 500 }, (_, at) => `${" ".repeat(at + 1)}if x:`).join("\n")}`;
    equal(readOperations(deep, "f").transactions.length, 0);
  });

  const upgrade = (...lines: string[]) =>
    `def upgrade():\n${lines.map((line) => `    ${line}`).join("\n")}\n`;

  it("becomes the SQL that its operations stand for, in Alembic's transactions", () => {
    const script = readOperations(
      upgrade(
        "with op.batch_alter_table('deals') as batch:",
        "    batch.alter_column('deal_type', nullable=False)",
        "    batch.create_check_constraint('c', \"deal_type IN ('a')\")",
        "with op.get_context().autocommit_block():",
        "    op.execute('SELECT 1')",
        "    op.get_bind().execute(sa.text('SELECT ' \"2\"))",
        "op.drop_constraint('c', 'deals', type_='check')",
        "op.execute(deals.update().values(x=1))",
        "op.create_index('i', 'deals', ['x'])",
      ),
      "f",
    );
    deepEqual(
      script.transactions.map(({ statements }) => statements),
      [
        [
          'ALTER TABLE "deals" ALTER COLUMN "deal_type" SET NOT NULL',
          `ALTER TABLE "deals" ADD CONSTRAINT "c" CHECK (deal_type IN ('a'))`,
        ],
        ["SELECT 1"],
        ["SELECT 2"],
        ['ALTER TABLE "deals" DROP CONSTRAINT "c"'],
      ],
    );
    deepEqual(script.unclear, ["9: op.execute(deals.update().values(x=1))"]);
    deepEqual(script.others, [{ operation: "create_index", table: "deals" }]);
  });

  const judge = async (...lines: string[]) =>
    (await judgeScript({ id: "004", parents: ["003"], file: "f.py", text: upgrade(...lines) }, CHANGE)).map(
      ({ severity, finding }) => `${severity} ${finding}`,
    );

  for (const [what, line, said] of [
    [
      "an IN list",
      `op.execute("UPDATE deals SET deal_type = 'carveout' WHERE deal_type IN ('carve-out', '')")`,
      /^stop .*map "" as .*\("acquisition"\), got "" → "carveout"/,
    ],
    [
      "an OR",
      `op.execute("UPDATE deals SET deal_type = 'carveout' WHERE deal_type IS NULL OR deal_type = 'carve-out'")`,
      /^stop .*map NULL/,
    ],
    [
      "a spelling without a rule",
      `op.execute("UPDATE deals SET deal_type = 'carveout' WHERE deal_type = 'spun'")`,
      /^note it maps "spun" → "carveout", for which change\.normalise\.spellings has no rule/,
    ],
    [
      "an allowed value that it turns",
      `op.execute("UPDATE deals SET deal_type = 'carveout' WHERE deal_type = 'divestiture'")`,
      /^stop .*map "divestiture"/,
    ],
    [
      "another table",
      `op.execute("UPDATE people SET x = 1 WHERE id = 1")`,
      /^stop .*no more than this change, got a change of people/,
    ],
    ["SQL that is none", `op.execute("UPDAT deals")`, /^stop not read: f\.py:1: its SQL \(syntax error/],
    [
      "what only running it tells",
      "op.execute(make())",
      /^stop not read: f\.py:2: op\.execute\(make\(\)\)\.$/,
    ],
  ] as [string, string, RegExp][]) {
    it(`is compared with the change: ${what}`, async () => {
      const found = await judge(line);
      ok(
        found.some((text) => said.test(text)),
        found.join("\n"),
      );
    });
  }

  it("that maps as the change does is compared without a finding of its mapping", async () => {
    const found = await judge(
      `op.execute("UPDATE deals SET deal_type = 'carveout' WHERE lower(deal_type) = 'carve-out'")`,
      `op.execute("UPDATE deals SET deal_type = 'divestiture' WHERE deal_type = 'seller''s' AND budget > 1")`,
      `op.execute("UPDATE deals SET deal_type = 'acquisition' WHERE deal_type IS NULL")`,
    );
    equal(found.filter((text) => /maps?|stop/.test(text)).length, 0, found.join("\n"));
  });
});
