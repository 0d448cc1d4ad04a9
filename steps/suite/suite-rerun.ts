import type { SuiteProgram } from "../../config/test-suite.ts";
import type { StepDeps } from "../step.ts";
import type { TestResult } from "./suite-results.ts";
import { runSuite, type SuiteTarget } from "./suite-run.ts";
import { stableName } from "./test-names.ts";

/** More failures than this are no matter of luck: they are not run again. */
const MOST_FAILURES = 50;

/** Failed tests that passed when they were run again are `flaky` now. Pure. */
export function markFlaky(tests: readonly TestResult[], passed: ReadonlySet<string>): TestResult[] {
  return tests.map((test) =>
    test.status === "failed" && passed.has(test.id) ? { ...test, status: "flaky" } : test,
  );
}

/**
 * Runs the failed tests again, up to the configured number of times, and tells which of them pass sometimes.
 * @param failed ids of the tests whose failure nobody expects.
 * @returns ids of those that passed in one of the runs.
 */
export async function findFlaky(
  failed: readonly string[],
  suite: SuiteProgram,
  target: SuiteTarget,
  deps: StepDeps,
): Promise<Set<string>> {
  const flaky = new Set<string>();
  const { rerun } = suite;
  if (!rerun || failed.length === 0) return flaky;
  if (failed.length > MOST_FAILURES) {
    deps.log(`test suite: ${failed.length} tests failed; more than ${MOST_FAILURES} are not run again`);
    return flaky;
  }
  for (let time = 1; time <= rerun.times; time += 1) {
    const tests = failed.filter((id) => !flaky.has(id));
    if (tests.length === 0) break;
    deps.log(`test suite: running ${tests.length} failed tests again (${time} of ${rerun.times})`);
    const run = await runSuite(rerun.command, suite, { ...target, tests }, deps);
    // A run that can't be read proves nothing: its tests stay failed.
    if (run.fault) deps.log(`test suite: of no use, ${run.fault}`);
    else addPassed(run.tests, tests, flaky);
  }
  return flaky;
}

/**
 * Passed = reported as passed, and not as failed under the same name elsewhere in that run. Where no test has just that
 * name: every test whose name differs in what changes from run to run alone.
 */
function addPassed(reported: readonly TestResult[], wanted: readonly string[], flaky: Set<string>): void {
  const passed = ({ status }: TestResult) => status === "passed" || status === "flaky";
  for (const id of wanted) {
    const exact = reported.filter((test) => test.id === id);
    const alike = reported.filter((test) => stableName(test.id) === stableName(id));
    const tests = exact.length > 0 ? exact : alike;
    if (tests.length > 0 && tests.every(passed)) flaky.add(id);
  }
}
