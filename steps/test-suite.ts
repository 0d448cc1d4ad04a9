import { z } from "zod";
import { SuiteProgram, TestSuiteSection } from "../config/test-suite.ts";
import { StepError } from "../errors/step-error.ts";
import { BaseSpec, defineStep, HOUR, type Observation, type StepDeps } from "./step.ts";
import type { SuiteComparison } from "./suite/compare-suites.ts";
import { type KnownFailures, loadKnownFailures } from "./suite/known-failures.ts";
import { compareWithBaseline, comparisonFaults, sayComparison } from "./suite/suite-baseline.ts";
import { judgeSuite, type SuiteJudgement, unexpectedFailures } from "./suite/suite-judgement.ts";
import { NO_SUITE, suiteBlockers } from "./suite/suite-readiness.ts";
import { findFlaky, markFlaky } from "./suite/suite-rerun.ts";
import { countStatuses, type SuiteRecord, type TestResult } from "./suite/suite-results.ts";
import { runSuite, type SuiteRun, suiteFolder } from "./suite/suite-run.ts";
import { changingParts } from "./suite/test-names.ts";

/** Names that the result keeps of each kind; the artifact has all. */
const RESULT_NAMES = 50;
/** Changing names that are shown. */
const LOGGED_NAMES = 10;

export const TestSuiteSpec = BaseSpec.extend({
  /** What to run; absent when the stack config has no testSuite, which `observe` refuses. */
  suite: SuiteProgram.optional(),
  /** Commit under test: what `{release}` stands for, and part of the evidence. */
  release: z.string().min(1).optional(),
  /** Step, earlier in the phase, that installs the release: until it is done there is no folder to look into. */
  follows: z.string().optional(),
  /** Step whose run this one is compared with, test by test, and tests of it that are gone on purpose. */
  baseline: z
    .strictObject({ phase: z.string(), step: z.string(), retired: TestSuiteSection.shape.retired.unwrap() })
    .optional(),
});
export type TestSuiteSpec = z.infer<typeof TestSuiteSpec>;

export interface TestSuiteResult {
  total: number;
  /** Without skipped tests. */
  ran: number;
  passed: number;
  /** All of them known. */
  failed: number;
  skipped: number;
  /** Tests that failed and passed when they were run again. */
  flaky: string[];
  knownFailures: string[];
  /** Entries of the list that have served. */
  knownNowPassing: string[];
  /** SHA-256 of the list's file. */
  knownFailuresSha256: string | null;
  /** Tests whose names hold what changes from run to run; absent where none does. */
  changingNames?: string[];
  seconds: number;
  release: string | null;
  /** How it differs from the baseline, where it was compared with one. */
  comparison?: SuiteComparison;
  /** Paths in the evidence folder: results test by test, and the end of what the suite printed. */
  report: { json: string; output: string };
}

async function observeSuite(spec: TestSuiteSpec, deps: StepDeps): Promise<Observation> {
  const { suite, release } = spec;
  const blockers = await suiteBlockers(spec, deps);
  if (!suite) return { drift: [], plan: [], undo: [], blockers };
  const expected =
    suite.expected === undefined ? "" : `, at least ${suite.expected.toLocaleString("en-US")} tests expected`;
  const plan = [
    `run ${suite.command.join(" ").slice(0, 200)} in ${suiteFolder(suite, { release })}${expected}`,
  ];
  // A finding of its day: it never drifts.
  return { drift: [], plan, undo: [], blockers };
}

/** Names the flaky among the failures that nobody expects. */
async function runWithReruns(
  suite: SuiteProgram,
  { release }: TestSuiteSpec,
  known: KnownFailures,
  deps: StepDeps,
): Promise<SuiteRun> {
  const run = await runSuite(suite.command, suite, { release }, deps);
  if (run.fault) return run;
  const demand = { known: known.entries, now: deps.now() };
  const failed = unexpectedFailures(run.tests, demand).map(({ id }) => id);
  return { ...run, tests: markFlaky(run.tests, await findFlaky(failed, suite, { release }, deps)) };
}

async function saveReport(
  suite: SuiteProgram,
  { release }: TestSuiteSpec,
  { tests, seconds, output }: SuiteRun,
  deps: StepDeps,
): Promise<TestSuiteResult["report"]> {
  const record: SuiteRecord = {
    version: 1,
    takenAt: deps.now().toISOString(),
    release: release ?? null,
    command: suite.command,
    seconds: round(seconds),
    ...countStatuses(tests),
    tests,
  };
  return {
    json: await deps.saveArtifact("test-suite.json", `${JSON.stringify(record, null, 1)}\n`),
    output: await deps.saveArtifact("test-suite-output.txt", output),
  };
}

const round = (seconds: number) => Math.round(seconds * 10) / 10;
const namesOf = (tests: TestResult[], status: string) =>
  tests.filter((test) => test.status === status).map(({ id }) => id);

/** Names that this run gives its tests and the next one will not. */
const changingNames = (tests: readonly TestResult[], now: Date) =>
  tests.map(({ id }) => ({ id, parts: changingParts(id, now) })).filter(({ parts }) => parts.length > 0);

function logChangingNames(tests: readonly TestResult[], deps: StepDeps) {
  const changing = changingNames(tests, deps.now());
  if (changing.length === 0) return;
  deps.log(
    `  ${changing.length} names hold what may change from run to run; these tests are compared without it:`,
  );
  for (const { id, parts } of changing.slice(0, LOGGED_NAMES)) deps.log(`    ${id}: ${parts.join(", ")}`);
  if (changing.length > LOGGED_NAMES) deps.log(`    … and ${changing.length - LOGGED_NAMES} more`);
  deps.log(
    "    Give them names of their own: ids= of pytest.mark.parametrize, name = of @ParameterizedTest, a title in the loop",
  );
}

function logSummary(
  { tests, seconds }: SuiteRun,
  judgement: SuiteJudgement,
  { suite, follows }: TestSuiteSpec,
  deps: StepDeps,
) {
  const { ran, passed, failed, skipped, flaky } = countStatuses(tests);
  const shaky = flaky > 0 ? `, ${flaky} flaky` : "";
  deps.log(
    `test suite: ${ran} tests ran in ${round(seconds)} s: ${passed} passed, ${failed} failed, ${skipped} skipped${shaky}`,
  );
  for (const id of namesOf(tests, "flaky").slice(0, RESULT_NAMES)) {
    deps.log(`  flaky: ${id} failed, and passed when it was run again`);
  }
  logChangingNames(tests, deps);
  for (const id of judgement.knownNowPassing.slice(0, RESULT_NAMES)) {
    deps.log(`  listed as a known failure, but passes: ${id}. Remove its entry`);
  }
  // A later release brings tests of its own: the number is the baseline's.
  if (follows === undefined && suite?.expected !== undefined && ran > suite.expected) {
    deps.log(
      `  more tests than expected (${suite.expected}): set testSuite.expected to ${ran} to notice lost ones`,
    );
  }
}

async function applySuite(spec: TestSuiteSpec, deps: StepDeps): Promise<TestSuiteResult> {
  const { suite, release = null } = spec;
  if (!suite) throw new StepError(NO_SUITE);
  const known = await loadKnownFailures(suite.knownFailures, deps.now());
  const run = await runWithReruns(suite, spec, known, deps);
  const report = await saveReport(suite, spec, run, deps);
  const refuse = (faults: string[]) => {
    const lines = faults.map((fault) => `test-suite: ${fault}.`);
    throw new StepError(
      `${lines.join("\n")}\nReport: ${report.json}, output: ${report.output} (in the evidence folder)`,
    );
  };
  if (run.fault) return refuse([`no baseline, ${run.fault}`]);
  const judgement = judgeSuite(run.tests, {
    expected: suite.expected,
    known: known.entries,
    now: deps.now(),
    reasons: run.reasons,
  });
  logSummary(run, judgement, spec, deps);
  const comparison = await compareWithBaseline(spec, run.tests, deps.evidence.entries());
  const faults = [...judgement.faults, ...comparisonFaults(comparison, spec.baseline?.retired ?? [])];
  if (faults.length > 0) return refuse(faults);
  if (comparison) deps.log(`  ${sayComparison(comparison)}`);
  const { flaky: _, ...counts } = countStatuses(run.tests);
  const changing = changingNames(run.tests, deps.now())
    .map(({ id }) => id)
    .slice(0, RESULT_NAMES);
  return {
    ...counts,
    flaky: namesOf(run.tests, "flaky").slice(0, RESULT_NAMES),
    knownFailures: judgement.knownFailures.slice(0, RESULT_NAMES),
    knownNowPassing: judgement.knownNowPassing.slice(0, RESULT_NAMES),
    knownFailuresSha256: known.sha256,
    ...{ seconds: round(run.seconds), release, report },
    ...(changing.length > 0 ? { changingNames: changing } : {}),
    ...(comparison ? { comparison } : {}),
  };
}

/**
 * Runs the application's own tests and keeps what became of each: the baseline that later runs are compared with,
 * test by test. A run that broke off, ran no test or fewer than expected is no baseline.
 * @see runbook 0.2; docs/test-suite.md
 */
export const testSuite = defineStep({
  name: "test-suite",
  spec: TestSuiteSpec,
  lease: false,
  deadlineSeconds: 12 * HOUR,
  observe: observeSuite,
  apply: applySuite,
  async undo() {
    return { summary: "nothing to undo: tests change nothing of the rollout", kept: [] };
  },
});
