import assert from "node:assert/strict";
import { Chain } from "../../ledger/chain.ts";
import { pointsOf, tickedPoints } from "../../ledger/checklist.ts";
import { foldEntries } from "../../ledger/entries.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const FIELDS = { phase: "code-deployment", step: "code-review", kind: "code-review", verb: "apply" as const };

/** A chain in which the review was done for a subject; more may follow. */
class Reviewed {
  readonly chain = Chain.open(temporaryFolder("checklist"));

  review(subject: string, checkedBy?: string): void {
    const begin = { digest: "d".repeat(64), generation: 1, spec: {}, will: [] };
    const { number } = this.chain.append({ record: "begin", ...FIELDS, ...begin });
    const result = { subject, points: ["flag asked", "old kept"], ...(checkedBy ? { checkedBy } : {}) };
    this.chain.append({ record: "end", ...FIELDS, begin: number, outcome: "done", result });
  }

  undo(): void {
    const begin = { digest: "d".repeat(64), generation: 1, spec: {}, will: [] };
    const { number } = this.chain.append({ record: "begin", ...FIELDS, verb: "undo", ...begin });
    this.chain.append({ record: "end", ...FIELDS, verb: "undo", begin: number, outcome: "done", result: {} });
  }

  tick(point: string, subject: string, checkedBy = "Ada"): void {
    const { phase, step } = FIELDS;
    this.chain.append({ record: "event", event: "point-checked", phase, step, point, subject, checkedBy });
  }

  get points(): [string, string | undefined][] {
    const entry = foldEntries(this.chain.records).get("code-deployment/code-review");
    return pointsOf(entry, this.chain.records).map(({ point, tick }) => [point, tick?.checkedBy]);
  }
}

describe("points of a checklist", () => {
  it("are open until they are ticked, and keep their first tick", () => {
    const reviewed = new Reviewed();
    assert.deepEqual(reviewed.points, []);
    reviewed.review("a..b");
    assert.deepEqual(reviewed.points, [
      ["flag asked", undefined],
      ["old kept", undefined],
    ]);
    reviewed.tick("old kept", "a..b");
    reviewed.tick("old kept", "a..b", "Bob");
    assert.deepEqual(reviewed.points, [
      ["flag asked", undefined],
      ["old kept", "Ada"],
    ]);
  });

  it("are open again when something else is to be looked at, and in a new attempt", () => {
    const reviewed = new Reviewed();
    reviewed.review("a..b");
    reviewed.tick("flag asked", "a..b");
    reviewed.review("a..patched");
    assert.deepEqual(reviewed.points[0], ["flag asked", undefined]);
    reviewed.review("a..b");
    assert.deepEqual(reviewed.points[0], ["flag asked", "Ada"]);
    reviewed.undo();
    reviewed.review("a..b");
    assert.deepEqual(reviewed.points[0], ["flag asked", undefined]);
  });

  it("are ticked by the step's own run where it says so", () => {
    const reviewed = new Reviewed();
    reviewed.review("a..b", "sandbox");
    assert.deepEqual(
      reviewed.points.map(([, by]) => by),
      ["sandbox", "sandbox"],
    );
  });

  it("count for their own step only", () => {
    const reviewed = new Reviewed();
    reviewed.tick("flag asked", "a..b");
    const scope = { phase: "code-deployment", step: "code-review", subject: "a..b", since: 0 };
    assert.equal(tickedPoints(reviewed.chain.records, scope).size, 1);
    assert.equal(tickedPoints(reviewed.chain.records, { ...scope, step: "other" }).size, 0);
    assert.equal(tickedPoints(reviewed.chain.records, { ...scope, since: 1 }).size, 0);
  });

  it("survive in a chain that is read back, whole and in order", () => {
    const reviewed = new Reviewed();
    reviewed.review("a..b");
    reviewed.tick("flag asked", "a..b");
    assert.deepEqual(Chain.open(reviewed.chain.folder).records, reviewed.chain.records);
  });
});
