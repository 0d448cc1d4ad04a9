import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readPytestOutput } from "../../steps/suite/pytest-output.ts";
import { temporaryFolder } from "../temporary-folder.ts";

async function read(text: string) {
  const file = join(temporaryFolder(), "output.txt");
  writeFileSync(file, text);
  return readPytestOutput(file);
}

const OUTPUT = `============================= test session starts ==============================
collecting ... collected 9 items

tests/test_a.py::test_ok PASSED                                          [  7%]
tests/test_a.py::test_bad \u001b[31mFAILED\u001b[0m                      [ 14%]
tests/test_a.py::test_td PASSED                                          [ 21%]
tests/test_a.py::test_td ERROR                                           [ 21%]
tests/test_a.py::test_skip SKIPPED (no PASSED)                           [ 42%]
tests/test_a.py::test_xf XFAIL                                           [ 50%]
tests/test_a.py::test_xp XPASS                                           [ 57%]
tests/test_a.py::test_p[x::y [z]] PASSED                                 [ 78%]
tests/test_a.py::test_p[PASSED] PASSED                                   [ 85%]
tests/test_a.py::U::test_s PASSED                                        [100%]

=================================== FAILURES ===================================
E   assert 1 == 2
=========================== short test summary info ============================
FAILED tests/test_a.py::test_bad - AssertionError: boom
SUBFAILED(i=1) tests/test_a.py::U::test_s - AssertionError: 1 != 0
ERROR tests/test_a.py::test_td - RuntimeError: teardown
`;
const TOTALS = "= 2 failed, 5 passed, 1 skipped, 1 xfailed, 1 xpassed, 1 error in 0.09s =\n";

describe("pytest's output", () => {
  it("tells each test's result, the worse one where a test has two, with the reason of a failure", async () => {
    assert.deepEqual(await read(OUTPUT + TOTALS), [
      { id: "tests/test_a.py::test_ok", status: "passed" },
      { id: "tests/test_a.py::test_bad", status: "failed", message: "AssertionError: boom" },
      { id: "tests/test_a.py::test_td", status: "failed", message: "RuntimeError: teardown" },
      { id: "tests/test_a.py::test_skip", status: "skipped" },
      { id: "tests/test_a.py::test_xf", status: "skipped" },
      { id: "tests/test_a.py::test_xp", status: "passed" },
      { id: "tests/test_a.py::test_p[x::y [z]]", status: "passed" },
      { id: "tests/test_a.py::test_p[PASSED]", status: "passed" },
      { id: "tests/test_a.py::U::test_s", status: "failed", message: "AssertionError: 1 != 0" },
    ]);
  });

  it("is understood as pytest-xdist prints it", async () => {
    const text = `[gw0] [ 50%] PASSED tests/test_a.py::test_ok \n[gw1] [100%] FAILED tests/test_a.py::test_bad \n= 1 failed, 1 passed in 1.00s =\n`;
    assert.deepEqual(
      (await read(text)).map(({ status }) => status),
      ["passed", "failed"],
    );
  });

  it("takes a test that passed after a try that failed for flaky, as the plugins print it, distributed or not", async () => {
    const text = `a.py::test_f RERUN  [ 20%]
a.py::test_f PASSED [ 20%]
a.py::test_r RETRY [ 40%]
a.py::test_r RETRY [ 40%]
a.py::test_r PASSED [ 40%]
a.py::test_b RERUN [ 60%]
a.py::test_b FAILED [ 60%]
[gw1] [100%] RERUN a.py::test_d \n[gw1] [100%] PASSED a.py::test_d 
========= 1 failed, 3 passed, 3 rerun, 2 retried in 0.10s =========\n`;
    assert.deepEqual(
      (await read(text)).map(({ id, status }) => `${id} ${status}`),
      ["a.py::test_f flaky", "a.py::test_r flaky", "a.py::test_b failed", "a.py::test_d flaky"],
    );
  });

  it("names a file that could not be collected", async () => {
    const text = `=========================== short test summary info ============================
ERROR tests/test_b.py - ModuleNotFoundError: No module named 'nope'
=============================== 1 error in 0.31s ===============================\n`;
    assert.deepEqual(await read(text), [
      { id: "tests/test_b.py", status: "failed", message: "ModuleNotFoundError: No module named 'nope'" },
    ]);
  });

  it("lists no test when none ran", async () =>
    assert.deepEqual(
      await read("============================ no tests ran in 0.02s =============================\n"),
      [],
    ));

  for (const [what, text, reason] of [
    ["broke off", OUTPUT, /ends before pytest's totals/],
    [
      "was stopped early",
      `!!!!!! stopping after 1 failures !!!!!!\n${TOTALS}`,
      /stopped early: stopping after 1 failures/,
    ],
    ["does not add up", OUTPUT + TOTALS.replace("5 passed", "6 passed"), /totals say 6 passed, its lines 5/],
  ] as const)
    it(`is refused when it ${what}`, () =>
      assert.rejects(read(text), { name: "UnreadableReport", message: reason }));
});
