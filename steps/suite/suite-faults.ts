import type { SuiteProgram } from "../../config/test-suite.ts";
import { showBytes } from "../../postgres/backup/dump-space.ts";
import type { LongProgramEnd } from "../../processes/long-program.ts";
import type { TestResult } from "./suite-results.ts";

/** Output at which a suite is taken for one that never stops printing. */
export const OUTPUT_LIMIT = 512 * 1024 * 1024;

/** How a run of the suite ended, and what it printed last. */
export interface Ending {
  end: LongProgramEnd;
  /** Last line of its output. */
  last: string;
  /** What its output names as errors (failure-reason.ts). */
  reasons: readonly string[];
}

/** `…:\n  - ModuleNotFoundError: No module named 'nope' (tests/test_b.py:1)`; the text alone where nothing is named. Pure. */
export function withReasons(text: string, reasons: readonly string[] = []): string {
  if (reasons.length === 0) return text;
  return `${text}. Its output says:\n${reasons.map((reason) => `  - ${reason}`).join("\n")}\nMend it`;
}

/** Why a run is none that can be judged, whatever its report says. Pure. */
export function describeFault({ end, last, reasons }: Ending, program: string, suite: SuiteProgram) {
  const line = last === "" ? "it printed nothing" : `last line of its output: ${last}`;
  switch (end.failure) {
    case "not found":
      return `the program ${program} was not found (exit code 127). Install it, or correct testSuite.command`;
    case "timed out":
      return `the suite hung: it still ran after ${suite.timeoutSeconds} s and was ended (${line}). Mend the test that hangs, or raise testSuite.timeoutSeconds`;
    case "too much output":
      return `the suite printed more than ${showBytes(OUTPUT_LIMIT)} and was ended (${line}). Have it print less`;
    default:
      return end.endedBy
        ? withReasons(`the suite crashed: ended by ${end.endedBy} (${line})`, reasons)
        : undefined;
  }
}

/** A run that ends badly although no test failed did not run to its end. Pure. */
export function describeExit({ end, last, reasons }: Ending, tests: readonly TestResult[]) {
  const { exitCode = 0 } = end;
  if (exitCode === 0 || tests.length === 0 || tests.some(({ status }) => status === "failed"))
    return undefined;
  const flaky = tests.filter(({ status }) => status === "flaky").map(({ id }) => id);
  const tried =
    flaky.length === 0
      ? ""
      : `. Reported as failed and then as passed: ${flaky.slice(0, 5).join(", ")}. Where these are two tests of one name, give them two`;
  return withReasons(
    `the suite ended with exit code ${exitCode} although none of its tests failed (last line of its output: ${last})${tried}`,
    reasons,
  );
}

/** Why there are no results. Pure. */
export function describeUnreadable(
  { message }: Error,
  { end, last, reasons }: Ending,
  place: string,
): string {
  const code = end.exitCode === undefined ? "" : `, exit code ${end.exitCode}`;
  return withReasons(
    `the suite left no whole report in ${place}: ${message}${code} (last line of its output: ${last})`,
    reasons,
  );
}
