import { z } from "zod";

/** What became of one test. Flaky: failed first, passed when it was run again. */
export const TestStatus = z.enum(["passed", "failed", "skipped", "flaky"]);
export type TestStatus = z.infer<typeof TestStatus>;

export const TestResult = z.strictObject({
  /** The test's name within its suite, unique and the same from run to run. */
  id: z.string().min(1),
  status: TestStatus,
  /** Run time as the runner wrote it. */
  seconds: z.string().optional(),
  /** First line of why it failed or was skipped. */
  message: z.string().optional(),
});
export type TestResult = z.infer<typeof TestResult>;

/** The artifact that a run leaves in the evidence: what a later run is compared with, test by test. */
export const SuiteRecord = z.strictObject({
  version: z.literal(1),
  takenAt: z.string(),
  /** Commit under test. */
  release: z.string().nullable(),
  command: z.array(z.string()),
  seconds: z.number(),
  total: z.int(),
  ran: z.int(),
  passed: z.int(),
  failed: z.int(),
  skipped: z.int(),
  flaky: z.int(),
  tests: z.array(TestResult),
});
export type SuiteRecord = z.infer<typeof SuiteRecord>;

/** How many tests ended how. `ran` leaves skipped ones out. Pure. */
export function countStatuses(tests: readonly TestResult[]) {
  const counts = { passed: 0, failed: 0, skipped: 0, flaky: 0 };
  for (const { status } of tests) counts[status] += 1;
  return { total: tests.length, ran: tests.length - counts.skipped, ...counts };
}

const RANK: Record<TestStatus, number> = { passed: 0, skipped: 1, flaky: 2, failed: 3 };

/** Better ones first. Pure. */
export const rankOf = ({ status }: TestResult): number => RANK[status];

/** Two reports of one test, e.g. of the test itself and of its teardown: the worse counts. Pure. */
export function mergeResults(one: TestResult, other: TestResult): TestResult {
  return rankOf(other) > rankOf(one) ? other : one;
}
