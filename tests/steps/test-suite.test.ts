import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StepDeps } from "../../steps/step.ts";
import { compareSuites } from "../../steps/suite/compare-suites.ts";
import { SuiteRecord } from "../../steps/suite/suite-results.ts";
import { fillCommand } from "../../steps/suite/suite-run.ts";
import { testSuite } from "../../steps/test-suite.ts";
import { makeDeps } from "./preflight-deps.ts";
import {
  type Case,
  junitXml,
  knownFailures,
  passing,
  reporting,
  script,
  suiteSpec,
} from "./suite-fixture.ts";

const deps = (overrides: Partial<StepDeps> = {}) => makeDeps("postgres://canary-secret@nowhere/x", overrides);
const T = "tests.test_deals::";
const refusal = async (spec: ReturnType<typeof suiteSpec>, own = deps()): Promise<string> => {
  const error = await testSuite.apply(spec, own).then(
    () => assert.fail("expected a refusal"),
    (thrown: Error) => thrown,
  );
  assert.equal(error.name, "StepError", error.stack);
  return error.message;
};

describe("test suite", () => {
  it("keeps what became of each test, with the commit under test, as evidence", async () => {
    const suite = reporting(junitXml([...passing(3), ["test_skip", "skipped"]]));
    const own = deps();
    const result = await testSuite.apply({ ...suiteSpec(suite, { expected: 3 }), release: "abc" }, own);
    const { report, seconds: _, ...counts } = result;
    assert.deepEqual(counts, {
      ...{ total: 4, ran: 3, passed: 3, failed: 0, skipped: 1, flaky: [] },
      ...{ knownFailures: [], knownNowPassing: [], knownFailuresSha256: null, release: "abc" },
    });
    const record = SuiteRecord.parse(JSON.parse(own.readArtifact(report.json)));
    assert.equal(record.release, "abc");
    assert.deepEqual(record.tests[0], { id: `${T}test_1`, status: "passed", seconds: "0.01" });
    assert.ok(compareSuites(record.tests, record.tests).clean);
  });

  it("reads a report that the suite prints, and pytest's own output", async () => {
    const { folder } = reporting(junitXml(passing(2)));
    const printed = await testSuite.apply(suiteSpec({ folder, command: ["cat", "given.xml"] }), deps());
    assert.equal(printed.ran, 2);
    const text = script("echo 'tests/a.py::test_a PASSED [100%]'; echo '=== 1 passed in 0.01s ==='");
    assert.equal((await testSuite.apply(suiteSpec(text, { format: "pytest" }), deps())).ran, 1);
  });

  it("fails and lists each failing test that is not known, and keeps the evidence of it", async () => {
    const suite = reporting(junitXml([...passing(2), ["test_bad", "failure"], ["test_setup", "error"]]), 1);
    const own = deps();
    const message = await refusal(suiteSpec(suite), own);
    assert.match(message, /expected no failing test but the known ones, got 2:/);
    assert.match(message, /- tests\.test_deals::test_bad: says why\n/);
    assert.match(message, /- tests\.test_deals::test_setup: says why\n/);
    const [, path = ""] = /Report: (\S+),/.exec(message) ?? [];
    assert.equal(SuiteRecord.parse(JSON.parse(own.readArtifact(path))).failed, 2);
  });

  it("lets known failures fail, and tells the ones that pass again", async () => {
    const suite = reporting(junitXml([...passing(2), ["test_bad", "failure"]]), 1);
    const list = knownFailures(`
- {test: "${T}test_bad", reason: flaky clock, date: 2025-01-31}
- {test: "${T}test_1", reason: was broken, date: 2025-01-31, expires: 2025-02-01}`);
    const own = deps();
    const result = await testSuite.apply(suiteSpec(suite, { knownFailures: list }), own);
    assert.deepEqual(result.knownFailures, [`${T}test_bad`]);
    assert.deepEqual(result.knownNowPassing, [`${T}test_1`]);
    assert.match(result.knownFailuresSha256 ?? "", /^[0-9a-f]{64}$/);
    assert.match(own.lines.join("\n"), /but passes: tests\.test_deals::test_1\. Remove its entry/);
  });

  it("excuses nothing by an entry that has expired", async () => {
    const suite = reporting(junitXml([["test_bad", "failure"]]), 1);
    const entry = JSON.stringify([
      { test: `${T}test_bad`, reason: "x", date: "2025-01-01", expires: "2025-01-31" },
    ]);
    const spec = suiteSpec(suite, { knownFailures: knownFailures(entry) });
    assert.match(await refusal(spec), /test_bad \(known until 2025-01-31, which has passed\)/);
    const then = deps({ now: () => new Date("2025-01-31T23:00:00Z") });
    assert.equal((await testSuite.apply(spec, then)).failed, 1);
  });

  it("refuses a known failure that the suite does not have, and names the nearest test", async () => {
    const list = knownFailures(`[{"test": "${T}tset_2", "reason": "r", "date": "2025-01-01"}]`);
    const message = await refusal(suiteSpec(reporting(junitXml(passing(2))), { knownFailures: list }));
    assert.match(message, /tset_2 \(the suite has no such test; nearest: tests\.test_deals::test_2\)/);
  });

  it("shows every fault of the list before anything runs", async () => {
    const list = knownFailures(`
- {test: a, date: 2025-01-31}
- {test: b, reason: "  ", date: 31.1.2025}
- {reason: r, date: 2025-02-31, colour: red}`);
    const spec = suiteSpec(script("exit 9"), { knownFailures: list });
    for (const text of [await refusal(spec), (await testSuite.observe(spec, deps())).blockers.join()]) {
      assert.match(text, /entry 1 \(a\), reason: is missing/);
      assert.match(text, /entry 2 \(b\), reason: a reason/);
      assert.match(text, /entry 2 \(b\), date: a day such as 2025-01-31/);
      assert.match(text, /entry 3, test: is missing/);
      assert.match(text, /entry 3, date: a day such as/);
      assert.match(text, /entry 3: Unrecognized key: "colour"/);
    }
    const twice = knownFailures(
      "[{test: a, reason: r, date: 2099-01-01}, {test: a, reason: r, date: 2025-01-02, expires: 2025-01-01}]",
    );
    const text = await refusal(suiteSpec(script("exit 9"), { knownFailures: twice }));
    assert.match(text, /entry 1 \(a\), date: expected a day that has come, got 2099-01-01/);
    assert.match(text, /entry 2 \(a\): the test is listed twice/);
    assert.match(text, /entry 2 \(a\), expires: expected a day from 2025-01-02 on/);
    for (const [given, said] of [
      ["{a: [", /expected YAML or JSON/],
      ["a: 1", /the whole file: expected a list/],
    ] as const)
      assert.match(await refusal(suiteSpec(script("exit 9"), { knownFailures: knownFailures(given) })), said);
  });

  for (const [what, suite, settings, said] of [
    [
      "ran no test",
      reporting(junitXml([]), 5),
      {},
      /expected tests that run, got none: the report lists none/,
    ],
    ["skipped every test", reporting(junitXml([["a", "skipped"]])), {}, /got none: all 1 were skipped/],
    [
      "ran fewer tests than expected",
      reporting(junitXml([...passing(2), ["s", "skipped"]])),
      { expected: 3 },
      /expected 3 tests to run, got 2 \(and 1 skipped\)/,
    ],
    [
      "crashed",
      script("echo before; kill -SEGV $$"),
      {},
      /no baseline, the suite crashed: ended by SIGSEGV \(last line of its output: before\)/,
    ],
    [
      "left no report",
      script("echo usage: wrong >&2; exit 4"),
      {},
      /no whole report in JUnit XML: there is none, exit code 4 \(last line of its output: usage: wrong\)/,
    ],
    [
      "left half a report",
      reporting("<testsuites><testsuite>", 1),
      {},
      /no whole report in JUnit XML: Unclosed root tag/,
    ],
    [
      "ended badly though no test failed",
      reporting(junitXml(passing(2)), 3),
      {},
      /exit code 3 although none of its tests failed/,
    ],
    [
      "is a program that is not there",
      { ...script(""), command: ["no-such-runner"] },
      {},
      /program no-such-runner was not found/,
    ],
  ] as const)
    it(`takes no baseline from a suite that ${what}`, async () => {
      assert.match(await refusal(suiteSpec({ ...suite, command: [...suite.command] }, settings)), said);
    });

  it("ends a suite that hangs, its children too, and says where it stood", async () => {
    const suite = script(`echo 'tests/a.py::test_hangs'; sleep 600 & echo $! > "$(dirname "$0")/pid"; wait`);
    const message = await refusal(suiteSpec(suite, { timeoutSeconds: 1 }));
    assert.match(
      message,
      /the suite hung: it still ran after 1 s and was ended \(last line of its output: tests\/a\.py::test_hangs\)/,
    );
    const pid = readFileSync(join(suite.folder, "pid"), "utf8").trim();
    for (;;) {
      try {
        if (readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.startsWith("Z")) break;
      } catch {
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });

  it("keeps the end of an output that is larger than its memory would like, binary and without line breaks", async () => {
    const suite = reporting(junitXml(passing(1)));
    writeFileSync(
      suite.command[0] ?? "",
      `#!/bin/sh\nhead -c 30000000 /dev/zero; head -c 30000000 /dev/zero | tr '\\0' x; echo the end\ncat "$(dirname "$0")/given.xml" > "$1"`,
    );
    const own = deps();
    const result = await testSuite.apply(suiteSpec(suite), own);
    const output = own.readArtifact(result.report.output);
    assert.ok(output.length < 300_000, `${output.length}`);
    assert.match(output, /x{1000}the end\n$/);
  });

  it("names flaky tests by running the failed ones alone again", async () => {
    const suite = reporting(junitXml([...passing(1), ["test_b[x]", "failure"], ["test_c", "failure"]]), 1);
    const again = script(`echo "$2" > "$(dirname "$0")/asked"; cat "$(dirname "$0")/given.xml" > "$1"`);
    writeFileSync(join(again.folder, "given.xml"), junitXml([["test_b[x]"], ["test_c", "failure"]]));
    const rerun = { command: [...again.command, "--only={names}", "{tests}"], times: 2 };
    const own = deps();
    const message = await refusal(suiteSpec(suite, { rerun }), own);
    assert.match(message, /got 1:\n {2}- tests\.test_deals::test_c/);
    assert.match(
      own.lines.join("\n"),
      /flaky: tests\.test_deals::test_b\[x\] failed, and passed when it was run again/,
    );
    // The second time only the one that is still failing was asked for.
    assert.equal(readFileSync(join(again.folder, "asked"), "utf8"), "--only=^(?:test_c)$\n");
    writeFileSync(join(again.folder, "given.xml"), junitXml([["test_b[x]"], ["test_c"]]));
    const result = await testSuite.apply(suiteSpec(suite, { rerun }), deps());
    assert.deepEqual(result.flaky, [`${T}test_b[x]`, `${T}test_c`]);
    assert.equal(readFileSync(join(again.folder, "asked"), "utf8"), "--only=^(?:test_b\\[x\\]|test_c)$\n");
  });

  it("tells how many tests were flaky within the run, whatever way its runner tells it", async () => {
    const twice = `<testcase classname="a" name="t"><failure message="no"/></testcase><testcase classname="a" name="t"/>`;
    const own = deps();
    const result = await testSuite.apply(
      suiteSpec(reporting(`<testsuite name="s">${twice}</testsuite>`)),
      own,
    );
    assert.deepEqual([result.ran, result.failed, result.flaky], [1, 0, ["a::t"]]);
    assert.match(own.lines.join("\n"), /1 tests ran in .* 0 passed, 0 failed, 0 skipped, 1 flaky/);
    // Two tests of one name look the same: there the runner's exit code tells of the failure.
    const message = await refusal(suiteSpec(reporting(`<testsuite name="s">${twice}</testsuite>`, 1)));
    assert.match(
      message,
      /exit code 1 although none of its tests failed .*Reported as failed and then as passed: a::t\./,
    );
  });

  it("reads in pytest's output of the tries that its XML keeps back, or says how to have them named", async () => {
    const xml = `<testsuite name="pytest"><testcase classname="tests.test_a.TestC" name="test_p[a::b]"/></testsuite>`;
    const printing = (text: string) => {
      const made = reporting(xml);
      writeFileSync(join(made.folder, "printed"), text);
      writeFileSync(
        made.command[0] ?? "",
        `#!/bin/sh\ncat "$(dirname "$0")/printed"; cat "$(dirname "$0")/given.xml" > "$1"`,
      );
      return suiteSpec(made);
    };
    const node = "tests/test_a.py::TestC::test_p[a::b]";
    const totals = "==== 1 passed, 1 retried in 0.07s ====\n";
    const named = await testSuite.apply(
      printing(`${node} RETRY [100%]\n${node} PASSED [100%]\n${totals}`),
      deps(),
    );
    assert.deepEqual(named.flaky, ["tests.test_a.TestC::test_p[a::b]"]);
    const own = deps();
    assert.deepEqual((await testSuite.apply(printing(`R.\n${totals}`), own)).flaky, []);
    assert.match(own.lines.join("\n"), /pytest tried tests again, 1 times in all\. Run it with -v/);
  });

  for (const [what, suite, settings, said] of [
    [
      "pytest's XML",
      reporting(
        `<testsuite name="pytest"><testcase classname="" name="tests.test_b"><error message="collection failure">ImportError while importing test module '/srv/tests/test_b.py'.
Traceback:
/usr/lib/python3.11/importlib/__init__.py:126: in import_module
    return _bootstrap._gcd_import(name[level:], package, level)
tests/test_b.py:7: in &lt;module&gt;
    import nope
E   ModuleNotFoundError: No module named 'nope'</error></testcase></testsuite>`,
        2,
      ),
      {},
      /- pytest::tests\.test_b: collection failure: ModuleNotFoundError: No module named 'nope' \(tests\/test_b\.py:7\)/,
    ],
    [
      "a syntax error in pytest's XML",
      reporting(
        `<testsuite name="pytest"><testcase classname="" name="test_b"><error message="collection failure">/usr/lib/python3.11/ast.py:50: in parse
    return compile(source, filename, mode, flags,
E     File "/srv/tests/test_b.py", line 3
E       def x(
E            ^
E   SyntaxError: '(' was never closed</error></testcase></testsuite>`,
        2,
      ),
      {},
      /- pytest::test_b: collection failure: SyntaxError: '\(' was never closed \(\/srv\/tests\/test_b\.py:3\)/,
    ],
    [
      "pytest's output",
      script(
        `printf '%s\n' 'ERROR collecting test_b.py' 'test_b.py:1: in <module>' '    import nope' "E   ModuleNotFoundError: No module named 'nope'" '=== short test summary info ===' 'ERROR test_b.py' '!!!!! Interrupted: 1 error during collection !!!!!' '===== 1 error in 0.22s ====='; exit 2`,
      ),
      { format: "pytest" as const },
      /pytest stopped early: Interrupted: 1 error during collection[\s\S]*Its output says:\n {2}- ModuleNotFoundError: No module named 'nope' \(test_b\.py:1\)/,
    ],
    [
      "a program that does not start",
      script(
        `printf '%s\n' "node:internal/modules/cjs/loader:1228" "Error: Cannot find module './deals'" "    at node:internal/modules:1:1" "    at Object.<anonymous> (/srv/tests/deals.test.js:4:15)" "Node.js v20.20.2" >&2; exit 1`,
      ),
      {},
      /there is none, exit code 1 \(last line of its output: Node\.js v20\.20\.2\)\. Its output says:\n {2}- Error: Cannot find module '\.\/deals' \(\/srv\/tests\/deals\.test\.js:4\)/,
    ],
    [
      "a compiler",
      script(`echo 'tests/a.ts(12,5): error TS2304: Cannot find name "x".'; echo done; exit 2`),
      {},
      /Its output says:\n {2}- tests\/a\.ts\(12,5\): error TS2304: Cannot find name "x"\./,
    ],
    [
      "Go's compiler, in a report without tests",
      (() => {
        const made = reporting("<testsuites/>", 1);
        writeFileSync(
          made.command[0] ?? "",
          `#!/bin/sh\necho './deal_test.go:5:2: undefined: newDeal'; echo FAIL; cat "$(dirname "$0")/given.xml" > "$1"; exit 1`,
        );
        return made;
      })(),
      {},
      /got none: the report lists none[\s\S]*Its output says:\n {2}- \.\/deal_test\.go:5:2: undefined: newDeal/,
    ],
  ] as const)
    it(`says in its message why a suite could not begin, from ${what}`, async () => {
      assert.match(await refusal(suiteSpec({ ...suite, command: [...suite.command] }, settings)), said);
    });

  it("names tests at the baseline whose names will not be the same in the next run", async () => {
    const cases: Case[] = [["test_p[&lt;object object at 0x7f2048f4d6d0&gt;]"], ["test_q[1]"]];
    const own = deps();
    const result = await testSuite.apply(suiteSpec(reporting(junitXml(cases))), own);
    assert.deepEqual(result.changingNames, [`${T}test_p[<object object at 0x7f2048f4d6d0>]`]);
    assert.match(
      own.lines.join("\n"),
      /1 names hold what may change[\s\S]*an address in memory[\s\S]*ids= of pytest/,
    );
  });

  it("asks for tests by their own names, letter by letter, without the suite or number that the report adds", () => {
    const tests = ["top (a) / $x", "deals > form::asks [1]", "tests.test_a::b[x::y]#2"];
    assert.deepEqual(
      fillCommand(
        ["run", "--grep={names}", "{tests}", "{report}@{release}"],
        { tests, release: "abc" },
        "/r",
      ),
      ["run", "--grep=^(?:top \\(a\\) \\/ \\$x|asks \\[1\\]|b\\[x::y\\])$", ...tests, "/r@abc"],
    );
  });

  it("takes a failed test for failing when the run that was to clear it crashes", async () => {
    const suite = reporting(junitXml([["test_a", "failure"]]), 1);
    const crash = script(`echo '<testsuites>' > "$1"; exit 1`);
    const message = await refusal(suiteSpec(suite, { rerun: { command: crash.command } }));
    assert.match(message, /got 1:\n {2}- tests\.test_deals::test_a/);
  });

  it("gives the suite nothing of our environment but what the configuration names, and hides that in the evidence", async () => {
    process.env.CANARY_OTHER = "canary-other";
    process.env.SUITE_TOKEN = "canary-token";
    const suite = reporting(junitXml([["test_a"]]));
    writeFileSync(suite.command[0] ?? "", `#!/bin/sh\nenv\ncat "$(dirname "$0")/given.xml" > "$1"`);
    const own = deps();
    try {
      const spec = suiteSpec(suite, { inherit: ["SUITE_TOKEN"], environment: { TZ: "UTC" } });
      const output = own.readArtifact((await testSuite.apply(spec, own)).report.output);
      assert.match(output, /^TZ=UTC$/m);
      assert.match(output, /^SUITE_TOKEN=\*\*\*$/m);
      assert.doesNotMatch(output, /canary/);
    } finally {
      delete process.env.CANARY_OTHER;
      delete process.env.SUITE_TOKEN;
    }
  });

  it("sees before it runs what is missing: suite, folder, program, variable", async () => {
    const blockers = async (spec: ReturnType<typeof suiteSpec>) =>
      (await testSuite.observe(spec, deps())).blockers.join("\n");
    const made = script("exit 0");
    assert.match(
      await blockers({ ...suiteSpec(made), suite: undefined }),
      /expected a test suite in the stack config/,
    );
    assert.match(
      await blockers(suiteSpec(made, { cwd: "/nowhere/{release}" })),
      /expected the folder \/nowhere to run in/,
    );
    assert.match(
      await blockers(suiteSpec({ ...made, command: ["no-such-runner"] })),
      /program no-such-runner to be installed/,
    );
    assert.match(await blockers(suiteSpec(made, { inherit: ["NOT_SET_HERE"] })), /variable NOT_SET_HERE/);
    assert.equal(await blockers(suiteSpec(made)), "");
  });

  it("stops, its suite with it, when it is cancelled", async () => {
    const signal = AbortSignal.timeout(300);
    await assert.rejects(testSuite.apply(suiteSpec(script("sleep 600")), deps({ signal })), {
      name: "TimeoutError",
    });
  });
});
