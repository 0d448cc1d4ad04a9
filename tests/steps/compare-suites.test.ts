import assert from "node:assert/strict";
import { compareSuites } from "../../steps/suite/compare-suites.ts";

describe("comparison of suites", () => {
  const test = (id: string, status: "passed" | "failed" | "skipped" | "flaky" = "passed") => ({ id, status });

  it("tells new failures, vanished and newly skipped tests, and known failures that pass, whatever the order", () => {
    const baseline = [
      test("a"),
      test("b"),
      test("c", "failed"),
      test("d", "failed"),
      test("e"),
      test("f", "flaky"),
    ];
    const current = [
      ...[test("new", "failed"), test("f", "failed"), test("e", "skipped"), test("d", "failed")],
      ...[test("c"), test("a", "flaky"), test("added")],
    ];
    assert.deepEqual(compareSuites(baseline, current), {
      newFailures: ["f", "new"],
      vanished: ["b"],
      newlySkipped: ["e"],
      knownNowPassing: ["c"],
      stillFailing: ["d"],
      flaky: ["a"],
      added: ["added", "new"],
      renamed: [],
      clean: false,
    });
  });

  it("takes a renamed test for one that vanished and one that was added", () => {
    const { vanished, added, clean } = compareSuites([test("a::old")], [test("a::new")]);
    assert.deepEqual([vanished, added, clean], [["a::old"], ["a::new"], false]);
  });
});
