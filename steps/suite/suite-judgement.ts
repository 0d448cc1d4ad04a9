import { atTheirNames, findUnknown, isValid, type KnownFailure } from "./known-failures.ts";
import { withReasons } from "./suite-faults.ts";
import { countStatuses, type TestResult } from "./suite-results.ts";

/** What is asked of a run to be a baseline. */
export interface SuiteDemand {
  /** Tests that have to run; any number when not given. */
  expected?: number | undefined;
  known: readonly KnownFailure[];
  now: Date;
  /** What its output names as errors: shown where no test ran that could say it. */
  reasons?: readonly string[] | undefined;
}

/** What a run is worth. */
export interface SuiteJudgement {
  /** Failures that no valid entry excuses. */
  newFailures: TestResult[];
  /** Failures that a valid entry excuses. */
  knownFailures: string[];
  /** Entries whose test passed: they have served. */
  knownNowPassing: string[];
  /** Why the run is no baseline: complete lines but for the step's name. Empty = it is one. */
  faults: string[];
}

/** Failures that nobody expects, before any of them is run again. Pure. */
export function unexpectedFailures(tests: readonly TestResult[], demand: SuiteDemand): TestResult[] {
  const known = atTheirNames(demand.known, tests);
  const excused = new Set(known.filter((entry) => isValid(entry, demand.now)).map(({ test }) => test));
  return tests.filter(({ id, status }) => status === "failed" && !excused.has(id));
}

const LISTED = 30;

/** `  - a\n  - b\n  … and 7 more` */
export function listLines(lines: readonly string[]): string {
  const more = lines.length > LISTED ? [`  … and ${lines.length - LISTED} more`] : [];
  return [...lines.slice(0, LISTED).map((line) => `  - ${line}`), ...more].join("\n");
}

function countFault(
  tests: readonly TestResult[],
  { expected, reasons }: Pick<SuiteDemand, "expected" | "reasons">,
): string | undefined {
  const { total, ran, skipped } = countStatuses(tests);
  const seen = skipped > 0 ? `${ran} (and ${skipped} skipped)` : String(ran);
  if (ran === 0) {
    const why = total > 0 ? `all ${total} were skipped` : "the report lists none";
    return withReasons(`expected tests that run, got none: ${why}. Correct testSuite.command`, reasons);
  }
  if (expected === undefined || ran >= expected) return undefined;
  return `expected ${expected} tests to run, got ${seen}. Find what keeps the others from running, or correct testSuite.expected`;
}

function failureFault(failures: readonly TestResult[], known: readonly KnownFailure[]): string | undefined {
  if (failures.length === 0) return undefined;
  const expiry = new Map(known.map(({ test, expires }) => [test, expires]));
  const lines = failures.map(({ id, message = "" }) => {
    const expired = expiry.get(id) ? ` (known until ${expiry.get(id)}, which has passed)` : "";
    return `${id}${expired}${message ? `: ${message}` : ""}`;
  });
  return (
    `expected no failing test but the known ones, got ${failures.length}:\n${listLines(lines)}\n` +
    "Mend them, or list them in testSuite.knownFailures with test, reason and date"
  );
}

/** Judges a run whose flaky tests are marked. Pure. @see runbook 0.2 */
export function judgeSuite(tests: readonly TestResult[], demand: SuiteDemand): SuiteJudgement {
  const status = new Map(tests.map((test) => [test.id, test.status]));
  const newFailures = unexpectedFailures(tests, demand);
  const known = atTheirNames(demand.known, tests);
  const excused = known.filter((entry) => isValid(entry, demand.now)).map(({ test }) => test);
  const unknown = findUnknown(known, [...status.keys()]);
  const count = countFault(tests, demand);
  const faults = [
    count,
    // Of a run that broke off nothing can be said about names.
    count === undefined && unknown.length > 0
      ? `expected every known failure to be a test of the suite, got ${unknown.length} that are not:\n${listLines(unknown)}\nCorrect the list`
      : undefined,
    failureFault(newFailures, known),
  ];
  return {
    newFailures,
    knownFailures: excused.filter((test) => status.get(test) === "failed"),
    knownNowPassing: known
      .map(({ test }) => test)
      .filter((test) => status.get(test) === "passed" || status.get(test) === "flaky"),
    faults: faults.filter((fault) => fault !== undefined),
  };
}
