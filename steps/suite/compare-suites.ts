import { rankOf, type TestResult } from "./suite-results.ts";
import { pairRuns } from "./test-names.ts";

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
  /** Are there under another name, which differs in what changes from run to run alone (an address, a time). */
  renamed: string[];
  /** No new failure, nothing vanished, nothing newly skipped. */
  clean: boolean;
}

const ran = ({ status }: TestResult) => status !== "skipped";
const passed = ({ status }: TestResult) => status === "passed" || status === "flaky";

/** Best first: of tests whose names differ in what changes alone, those come together that fared alike. */
const byFate = (tests: readonly TestResult[]) =>
  [...tests].sort((a, b) => rankOf(a) - rankOf(b)).map(({ id }) => id);

/**
 * Compares a run with the baseline test by test. Pure; the order of the tests does not count.
 * @see runbook 4.5
 */
export function compareSuites(
  baseline: readonly TestResult[],
  current: readonly TestResult[],
): SuiteComparison {
  const pairs = pairRuns(byFate(baseline), byFate(current));
  const still = new Set(pairs.values());
  const earlierById = new Map(baseline.map((test) => [test.id, test]));
  const earlier = ({ id }: TestResult) => earlierById.get(pairs.get(id) ?? "");
  const list = (tests: readonly TestResult[], wanted: (test: TestResult) => boolean) =>
    tests
      .filter(wanted)
      .map(({ id }) => id)
      .sort();
  const failedBefore = (test: TestResult) => earlier(test)?.status === "failed";
  const newFailures = list(current, (test) => test.status === "failed" && !failedBefore(test));
  const vanished = list(baseline, ({ id }) => !still.has(id));
  const newlySkipped = list(current, (test) => {
    const was = earlier(test);
    return !ran(test) && was !== undefined && ran(was);
  });
  return {
    ...{ newFailures, vanished, newlySkipped },
    knownNowPassing: list(current, (test) => passed(test) && failedBefore(test)),
    stillFailing: list(current, (test) => test.status === "failed" && failedBefore(test)),
    flaky: list(current, ({ status }) => status === "flaky"),
    added: list(current, ({ id }) => !pairs.has(id)),
    renamed: list(current, ({ id }) => pairs.has(id) && pairs.get(id) !== id),
    clean: newFailures.length + vanished.length + newlySkipped.length === 0,
  };
}
