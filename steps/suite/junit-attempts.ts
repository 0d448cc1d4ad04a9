import type { TestResult } from "./suite-results.ts";

/** A `<testsuite>` element, as far as it tells tries of one test from tests of one name. */
export interface SuiteElement {
  /** Names of the suites around it and its own, with what tells two of one name apart (host, package, file). */
  key: string;
  /** Its runner never writes two tests under one name: what stands there twice was tried twice. */
  namesAreUnique: boolean;
  /** Tests that it says it has; fewer than its cases where tries are cases of their own. */
  declared: number;
}

/** One `<testcase>`: a test, or one try of it. */
export interface Attempt {
  result: TestResult;
  suite: SuiteElement;
  /** File and line, where the runner writes them: two tests of one name differ in it. */
  place: string;
  /** The runner has no reruns: what stands there twice are two tests. */
  alone: boolean;
}

const keyOf = ({ result, suite, place }: Attempt) => `${suite.key}\0${result.id}\0${place}`;

/** Both are the same test: the last try decides, and one that had to be tried again is flaky. */
function afterAnotherTry(before: TestResult, now: TestResult): TestResult {
  const status = now.status === "passed" ? "flaky" : now.status;
  const message = before.message ?? now.message;
  return { ...now, id: before.id, status, ...(message === undefined ? {} : { message }) };
}

function groupBySuite(attempts: readonly Attempt[]): Map<SuiteElement, Attempt[]> {
  const groups = new Map<SuiteElement, Attempt[]>();
  for (const attempt of attempts) {
    const group = groups.get(attempt.suite) ?? [];
    groups.set(attempt.suite, group);
    group.push(attempt);
  }
  return groups;
}

/** Folds the cases of a report, in its order, into tests. */
class Folding {
  readonly #tests = new Map<string, TestResult>();
  /** Id of the latest test by its key, and the element that it stands in. */
  readonly #latest = new Map<string, { id: string; suite: SuiteElement }>();
  /** Whether an element tells of nothing but tests that had failed in an earlier one of its name. */
  readonly #rerunElements = new Map<SuiteElement, boolean>();
  readonly #groups: Map<SuiteElement, Attempt[]>;

  constructor(attempts: readonly Attempt[]) {
    this.#groups = groupBySuite(attempts);
    for (const attempt of attempts) this.#add(attempt);
  }

  get tests(): TestResult[] {
    return [...this.#tests.values()];
  }

  #add(attempt: Attempt): void {
    const { suite, result } = attempt;
    const before = this.#earlierTry(attempt);
    if (before) {
      this.#tests.set(before.id, afterAnotherTry(before, result));
      this.#latest.set(keyOf(attempt), { id: before.id, suite });
      return;
    }
    let id = result.id;
    for (let nth = 2; this.#tests.has(id); nth += 1) id = `${result.id}#${nth}`;
    this.#tests.set(id, { ...result, id });
    this.#latest.set(keyOf(attempt), { id, suite });
  }

  #earlierTry(attempt: Attempt): TestResult | undefined {
    const { suite, result, alone } = attempt;
    const again = this.#isRerunElement(suite);
    const latest = this.#latest.get(keyOf(attempt));
    if (!latest || alone || (latest.suite !== suite && !again)) return undefined;
    const before = this.#tests.get(latest.id);
    const declaresFewer = suite.declared < (this.#groups.get(suite)?.length ?? 0);
    if (suite.namesAreUnique || declaresFewer) return before;
    // Nothing but a failure is tried again. One that was skipped then has not passed: it is told as a test of its own.
    return before?.status === "failed" && result.status !== "skipped" ? before : undefined;
  }

  /** Asked before the element's first case is added: from then on its own cases stand among the latest. */
  #isRerunElement(suite: SuiteElement): boolean {
    const known = this.#rerunElements.get(suite);
    if (known !== undefined) return known;
    const again = (this.#groups.get(suite) ?? []).every((attempt) => {
      const latest = this.#latest.get(keyOf(attempt));
      return latest !== undefined && this.#tests.get(latest.id)?.status === "failed";
    });
    this.#rerunElements.set(suite, again);
    return again;
  }
}

/**
 * One result for each test, however often it was tried: pytest-rerunfailures and Gradle write every try as a case of its
 * own, gotestsum too, and merged reports as a second suite of that name that has the failed tests alone. Two tests of one
 * name stay two: those that differ in file or line, of different hosts (browsers), and those of which the first passed.
 * Pure.
 */
export const foldAttempts = (attempts: readonly Attempt[]): TestResult[] => new Folding(attempts).tests;
