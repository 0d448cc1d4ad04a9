import type { TestResult } from "./suite-results.ts";

/** How two runs of a suite differ, test by test. Times are not compared. */
export interface SuiteComparison {
  /** Fail now and did not before, new tests included. */
  newFailures: string[];
  /** Were there before and are not now: renamed, removed or not reached. */
  vanished: string[];
  /** Ran before and are skipped now. */
  newlySkipped: string[];
  /** Failed before and pass now: their entries among the known failures have served. */
  knownNowPassing: string[];
  /** Fail in both. */
  stillFailing: string[];
  /** Fail at first and pass when run again, now. */
  flaky: string[];
  /** Were not there before. */
  added: string[];
  /** No new failure, nothing vanished, nothing newly skipped. */
  clean: boolean;
}

const ran = ({ status }: TestResult) => status !== "skipped";
const passed = ({ status }: TestResult) => status === "passed" || status === "flaky";

/**
 * Compares a run with the baseline test by test. Pure; the order of the tests does not count.
 * @see runbook 4.5
 */
export function compareSuites(
  baseline: readonly TestResult[],
  current: readonly TestResult[],
): SuiteComparison {
  const before = new Map(baseline.map((test) => [test.id, test]));
  const now = new Map(current.map((test) => [test.id, test]));
  const list = (tests: readonly TestResult[], wanted: (test: TestResult) => boolean) =>
    tests
      .filter(wanted)
      .map(({ id }) => id)
      .sort();
  const failedBefore = ({ id }: TestResult) => before.get(id)?.status === "failed";
  const newFailures = list(current, (test) => test.status === "failed" && !failedBefore(test));
  const vanished = list(baseline, ({ id }) => !now.has(id));
  const newlySkipped = list(current, (test) => {
    const earlier = before.get(test.id);
    return !ran(test) && earlier !== undefined && ran(earlier);
  });
  return {
    ...{ newFailures, vanished, newlySkipped },
    knownNowPassing: list(current, (test) => passed(test) && failedBefore(test)),
    stillFailing: list(current, (test) => test.status === "failed" && failedBefore(test)),
    flaky: list(current, ({ status }) => status === "flaky"),
    added: list(current, ({ id }) => !before.has(id)),
    clean: newFailures.length + vanished.length + newlySkipped.length === 0,
  };
}
