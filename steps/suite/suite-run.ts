import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { SuiteProgram } from "../../config/test-suite.ts";
import { showBytes } from "../../postgres/backup/dump-space.ts";
import { childEnvironment } from "../../processes/child-process.ts";
import { readTail } from "../../processes/file-tail.ts";
import { hideInherited, inheritedVariables } from "../../processes/inherited-variables.ts";
import { type LongProgramEnd, runLongProgram } from "../../processes/long-program.ts";
import { outputEnd } from "../../processes/output-end.ts";
import type { StepDeps } from "../step.ts";
import { readJunitReport, UnreadableReport } from "./junit-report.ts";
import { readPytestOutput } from "./pytest-output.ts";
import type { TestResult } from "./suite-results.ts";

/** Output at which a suite is taken for one that never stops printing. */
const OUTPUT_LIMIT = 512 * 1024 * 1024;
/** End of the output that the evidence keeps. */
const KEPT_OUTPUT = 256 * 1024;

/** What a command and its folder are filled in with. */
export interface SuiteTarget {
  /** Commit under test, for `{release}`. */
  release?: string | undefined;
  /** Failed tests, for `{tests}` and `{names}`. */
  tests?: readonly string[];
  /** Folder for what the run writes meanwhile; the machine's temporary one by default. */
  folder?: string;
}

/** One run of the suite: its tests, or why it is none that can be judged. */
export interface SuiteRun {
  tests: TestResult[];
  /** Crashed, hung, no report…: complete but for the step's name. */
  fault?: string;
  seconds: number;
  /** The end of stderr and stdout. */
  output: string;
}

const PATTERN_CHARACTERS = /[\\^$.*+?()[\]{}|/]/g;

/** The test's own name, without the suite or file that the report puts before it. */
const ownName = (id: string) => id.slice(id.includes("::") ? id.indexOf("::") + 2 : 0).replace(/#\d+$/, "");

/** Fills the placeholders of a command in. No shell ever reads the outcome. Pure. */
export function fillCommand(
  command: readonly string[],
  { release = "", tests = [] }: SuiteTarget,
  report: string,
) {
  const names = `^(?:${tests.map((id) => ownName(id).replaceAll(PATTERN_CHARACTERS, "\\$&")).join("|")})$`;
  return command.flatMap((part) =>
    part === "{tests}"
      ? tests
      : part.replaceAll(
          /\{(report|release|names)\}/g,
          (_, key) => ({ report, release, names })[key as "report"],
        ),
  );
}

/** The folder that the suite runs in, absolute. */
export const suiteFolder = (suite: SuiteProgram, { release = "" }: SuiteTarget): string =>
  resolve(suite.cwd.replaceAll("{release}", release));

/** PATH, home, what the configuration gives and what it names of our own environment. Nothing else of ours. */
export const suiteEnvironment = ({ environment, inherit }: SuiteProgram): Record<string, string> => ({
  ...childEnvironment(),
  ...inheritedVariables(inherit),
  ...environment,
});

function describeFault(end: LongProgramEnd, program: string, suite: SuiteProgram, last: string) {
  const line = last === "" ? "it printed nothing" : `last line of its output: ${last}`;
  switch (end.failure) {
    case "not found":
      return `the program ${program} was not found (exit code 127). Install it, or correct testSuite.command`;
    case "timed out":
      return `the suite hung: it still ran after ${suite.timeoutSeconds} s and was ended (${line}). Mend the test that hangs, or raise testSuite.timeoutSeconds`;
    case "too much output":
      return `the suite printed more than ${showBytes(OUTPUT_LIMIT)} and was ended (${line}). Have it print less`;
    default:
      return end.endedBy ? `the suite crashed: ended by ${end.endedBy} (${line})` : undefined;
  }
}

/** A run that ends badly although no test failed did not run to its end. */
function describeExit({ exitCode = 0 }: LongProgramEnd, tests: readonly TestResult[], last: string) {
  if (exitCode === 0 || tests.some(({ status }) => status === "failed")) return undefined;
  if (tests.length === 0) return undefined;
  return `the suite ended with exit code ${exitCode} although none of its tests failed (last line of its output: ${last})`;
}

function describeUnreadable(
  error: UnreadableReport,
  end: LongProgramEnd,
  place: string,
  last: string,
): string {
  const code = end.exitCode === undefined ? "" : `, exit code ${end.exitCode}`;
  return `the suite left no whole report in ${place}: ${error.message}${code} (last line of its output: ${last})`;
}

interface Files {
  report: string;
  stdoutFile: string;
  stderrFile: string;
}

async function readResults(
  command: readonly string[],
  suite: SuiteProgram,
  folder: string,
  files: Files,
): Promise<TestResult[]> {
  if (suite.format === "pytest") return readPytestOutput(files.stdoutFile);
  const toFile = command.some((part) => part.includes("{report}"));
  return readJunitReport(toFile ? files.report : files.stdoutFile, folder);
}

async function runIn(
  files: Files,
  command: readonly string[],
  suite: SuiteProgram,
  target: SuiteTarget,
  deps: StepDeps,
): Promise<SuiteRun> {
  const folder = suiteFolder(suite, target);
  const argv = fillCommand(command, target, files.report);
  const end = await runLongProgram(argv, {
    ...{ environment: suiteEnvironment(suite), cwd: folder, signal: deps.signal, maxBytes: OUTPUT_LIMIT },
    ...{ timeoutMs: suite.timeoutSeconds * 1000, stdoutFile: files.stdoutFile, stderrFile: files.stderrFile },
    onProgress: (seconds, bytes) =>
      deps.log(`test suite: runs since ${Math.round(seconds)} s, ${showBytes(bytes)} of output`),
  });
  deps.signal.throwIfAborted();
  const [errors = "", text = ""] = await Promise.all(
    [files.stderrFile, files.stdoutFile].map(async (file) =>
      hideInherited(await readTail(file, KEPT_OUTPUT), suite.inherit),
    ),
  );
  const lastOf = (output: string) => outputEnd(output.trimEnd().split("\n").at(-1) ?? "", 200);
  // The shell says on stderr that its child crashed; where the suite stood is on stdout.
  const last = lastOf(text) || lastOf(errors) || "none";
  const run = { tests: [], seconds: end.seconds, output: `${errors}\n${text}` };
  const fault = describeFault(end, argv[0] ?? "", suite, last);
  if (fault) return { ...run, fault };
  try {
    const tests = (await readResults(command, suite, folder, files)).map((test) =>
      test.message === undefined ? test : { ...test, message: hideInherited(test.message, suite.inherit) },
    );
    const exit = describeExit(end, tests, last);
    return { ...run, tests, ...(exit ? { fault: exit } : {}) };
  } catch (error) {
    if (!(error instanceof UnreadableReport)) throw error;
    const place = suite.format === "pytest" ? "its output" : "JUnit XML";
    return { ...run, fault: describeUnreadable(error, end, place, last) };
  }
}

/**
 * Runs a command of the suite and reads its report. A report of an earlier run can't be taken for this one's: every
 * run has a folder of its own, which is gone afterwards.
 */
export async function runSuite(
  command: readonly string[],
  suite: SuiteProgram,
  target: SuiteTarget,
  deps: StepDeps,
): Promise<SuiteRun> {
  const scratch = await mkdtemp(join(target.folder ?? tmpdir(), "rollout-suite-"));
  const file = (name: string) => join(scratch, name);
  const files = { report: file("report.xml"), stdoutFile: file("stdout"), stderrFile: file("stderr") };
  try {
    return await runIn(files, command, suite, target, deps);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
