import assert from "node:assert/strict";
import { pointsIn, renderPoints, tickIn } from "../../cli/checklist/points.ts";
import { Chain } from "../../ledger/chain.ts";
import { temporaryFolder } from "../temporary-folder.ts";

function reviewedChain(): Chain {
  const chain = Chain.open(temporaryFolder("checklist"));
  const fields = {
    phase: "code-deployment",
    step: "code-review",
    kind: "code-review",
    verb: "apply" as const,
  };
  const begin = { digest: "d".repeat(64), generation: 1, spec: {}, will: [] };
  chain.append({ record: "begin", ...fields, ...begin });
  const result = { subject: "aaaa..bbbb", points: ["the flag is asked", "the old way is kept"] };
  chain.append({ record: "end", ...fields, begin: 1, outcome: "done", result });
  return chain;
}

describe("rollout checklist", () => {
  it("lists every point with its number, and who ticked it when, with the note", () => {
    const chain = reviewedChain();
    const said = tickIn(chain, { point: "2", by: " Ada Lovelace ", note: "PR 417" });
    assert.equal(
      said,
      'checklist: ticked "the old way is kept" of code-deployment/code-review (aaaa..bbbb) for Ada Lovelace',
    );
    const [first, second, rest] = renderPoints(pointsIn(chain));
    assert.equal(first, "1  [ ]  code-deployment/code-review, aaaa..bbbb: the flag is asked");
    assert.match(second ?? "", /^2 {2}\[x\] {2}.*: the old way is kept \(Ada Lovelace, \d{4}-.*Z: PR 417\)$/);
    assert.equal(rest, "1 open. Tick one: npx rollout checklist tick <number> --by <name> --note <text>");
  });

  it("takes a point by its own words, and ticks none twice", () => {
    const chain = reviewedChain();
    tickIn(chain, { point: "the flag is asked", by: "Ada", note: undefined });
    const again = tickIn(chain, { point: "1", by: "Bob", note: undefined });
    assert.match(again, /^checklist: "the flag is asked" was ticked before, by Ada at \d{4}/);
    assert.equal(chain.records.length, 3);
  });

  for (const [what, options, said] of [
    [
      "a number that is none",
      { point: "3", by: "Ada" },
      /expected a number from 1 to 2 .*, got "3"\. See them/,
    ],
    ["number zero", { point: "0", by: "Ada" }, /got "0"/],
    ["no point", { point: undefined, by: "Ada" }, /got "nothing"/],
    ["no name", { point: "1", by: undefined }, /expected the name of the person who looked, got none\./],
    ["a blank name", { point: "1", by: "  " }, /got none\. Add --by/],
  ] as const)
    it(`refuses ${what}, and writes nothing`, () => {
      const chain = reviewedChain();
      assert.throws(() => tickIn(chain, { note: undefined, ...options }), {
        name: "StepError",
        message: said,
      });
      assert.equal(chain.records.length, 2);
    });

  it("says so where nothing has points", () => {
    assert.deepEqual(renderPoints([]), ["no step that is done has points to look at"]);
  });
});
