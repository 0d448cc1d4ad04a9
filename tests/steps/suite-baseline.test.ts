import assert from "node:assert/strict";
import type { Entry } from "../../ledger/entries.ts";
import { testSuite } from "../../steps/test-suite.ts";
import { makeDeps } from "./preflight-deps.ts";
import { type Case, junitXml, passing, reporting, suiteSpec } from "./suite-fixture.ts";

const T = "tests.test_deals::";

/** Phase 0's run with these tests, and a later run of others that is compared with it. */
async function compare(before: Case[], after: Case[], retired: { test: string; reason: string }[] = []) {
  const deps = makeDeps("");
  const first = await testSuite.apply(suiteSpec(reporting(junitXml(before))), deps);
  const entries = new Map([["pre-flight/test-suite", { state: "done", result: first } as unknown as Entry]]);
  const later = suiteSpec(reporting(junitXml(after)));
  const identity = { ...later.identity, phase: "validation", evidenceUrl: `file:${deps.folder}` };
  const baseline = { phase: "pre-flight", step: "test-suite", retired };
  return testSuite.apply(
    { ...later, identity, baseline },
    {
      ...deps,
      evidence: { entries: () => entries, records: () => [] },
    },
  );
}

describe("a run compared with the baseline, test by test", () => {
  it("passes with every test of the baseline there, and tells those that were added", async () => {
    const { comparison } = await compare(passing(2), passing(3));
    assert.deepEqual([comparison?.clean, comparison?.added], [true, [`${T}test_3`]]);
  });

  it("stops at a test that vanished or is skipped now, by name", async () => {
    await assert.rejects(compare(passing(3), [["test_1"], ["test_2", "skipped"]]), (error: Error) => {
      assert.match(
        error.message,
        /every test of the baseline to be there, got 1 that vanished:\n {2}- .*test_3\n/,
      );
      assert.match(error.message, /every test of the baseline to run, got 1 skipped:\n {2}- .*test_2\n/);
      return true;
    });
  });

  it("lets tests be gone that are listed as retired with a reason", async () => {
    const retired = [{ test: `${T}test_3`, reason: "it tried the flag, which is gone" }];
    assert.deepEqual((await compare(passing(3), passing(2), retired)).comparison?.vanished, [`${T}test_3`]);
  });

  it("says where the baseline should be when it is not there", async () => {
    const spec = {
      ...suiteSpec(reporting(junitXml(passing(1)))),
      baseline: { phase: "pre-flight", step: "test-suite", retired: [] },
    };
    await assert.rejects(
      testSuite.apply(spec, makeDeps("")),
      /expected the baseline of pre-flight\/test-suite in the evidence, got none/,
    );
  });
});
