import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { SuiteProgram } from "../../config/test-suite.ts";
import { showBytes } from "../../postgres/backup/dump-space.ts";
import { childEnvironment } from "../../processes/child-process.ts";
import { readTail } from "../../processes/file-tail.ts";
import { hideInherited, inheritedVariables } from "../../processes/inherited-variables.ts";
import { runLongProgram } from "../../processes/long-program.ts";
import { lineEnd } from "../../system/plain-line.ts";
import type { StepDeps } from "../step.ts";
import { findReasons } from "./failure-reason.ts";
import { readJunitReport, UnreadableReport } from "./junit-report.ts";
import { readPytestOutput, readRetried } from "./pytest-output.ts";
import {
  describeExit,
  describeFault,
  describeUnreadable,
  type Ending,
  OUTPUT_LIMIT,
} from "./suite-faults.ts";
import type { TestResult } from "./suite-results.ts";
import { namePattern, stableName } from "./test-names.ts";

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
  /** What its output names as errors, where no test ran that could say it. */
  reasons?: readonly string[];
  seconds: number;
  /** The end of stderr and stdout. */
  output: string;
}

/** The test's own name, without the suite or file that the report puts before it. */
const ownName = (id: string) => id.slice(id.includes("::") ? id.indexOf("::") + 2 : 0).replace(/#\d+$/, "");

/** As an argument that runs it again; all of its parameters where the name of these changes from run to run. */
const asArgument = (id: string) => (stableName(id) === id ? id : id.replace(/(?<=::[^[]+)\[.*$/, ""));

/** Fills the placeholders of a command in. No shell ever reads the outcome. Pure. */
export function fillCommand(
  command: readonly string[],
  { release = "", tests = [] }: SuiteTarget,
  report: string,
) {
  const names = `^(?:${tests.map((id) => namePattern(ownName(id))).join("|")})$`;
  return command.flatMap((part) =>
    part === "{tests}"
      ? [...new Set(tests.map(asArgument))]
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

interface Files {
  report: string;
  stdoutFile: string;
  stderrFile: string;
}

/** pytest-retry tells of its tries in pytest's output alone, and there only with -v by name. */
async function markRetried(
  tests: TestResult[],
  { stdoutFile }: Files,
  output: string,
  deps: StepDeps,
): Promise<TestResult[]> {
  if (!/^=+ .*\b\d+ (?:rerun|retried)\b.* in /m.test(output)) return tests;
  const { names, tries } = await readRetried(stdoutFile);
  const marked = tests.map((test) =>
    test.status === "passed" && names.has(test.id) ? { ...test, status: "flaky" as const } : test,
  );
  if (names.size === 0 && !marked.some(({ status }) => status === "flaky"))
    deps.log(
      `test suite: pytest tried tests again, ${tries} times in all. Run it with -v to have them named`,
    );
  return marked;
}

async function readResults(
  command: readonly string[],
  suite: SuiteProgram,
  folder: string,
  files: Files,
  output: string,
  deps: StepDeps,
): Promise<TestResult[]> {
  if (suite.format === "pytest") return readPytestOutput(files.stdoutFile);
  const toFile = command.some((part) => part.includes("{report}"));
  const tests = await readJunitReport(toFile ? files.report : files.stdoutFile, folder);
  return toFile ? markRetried(tests, files, output, deps) : tests;
}

/** Its two streams, the values of inherited variables hidden, and what they end with. */
async function readEnding(end: Ending["end"], { stdoutFile, stderrFile }: Files, suite: SuiteProgram) {
  const [errors = "", text = ""] = await Promise.all(
    [stderrFile, stdoutFile].map(async (file) =>
      hideInherited(await readTail(file, KEPT_OUTPUT), suite.inherit),
    ),
  );
  const lastOf = (output: string) => lineEnd(output.trimEnd().split("\n").at(-1) ?? "", 200);
  const output = `${errors}\n${text}`;
  // The shell says on stderr that its child crashed; where the suite stood is on stdout.
  const last = lastOf(text) || lastOf(errors) || "none";
  return { output, text, ending: { end, last, reasons: end.exitCode === 0 ? [] : findReasons(output) } };
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
  const { output, text, ending } = await readEnding(end, files, suite);
  const run = { tests: [], seconds: end.seconds, output, reasons: ending.reasons };
  const fault = describeFault(ending, argv[0] ?? "", suite);
  if (fault) return { ...run, fault };
  try {
    const tests = (await readResults(command, suite, folder, files, text, deps)).map((test) =>
      test.message === undefined ? test : { ...test, message: hideInherited(test.message, suite.inherit) },
    );
    const exit = describeExit(ending, tests);
    return { ...run, tests, ...(exit ? { fault: exit } : {}) };
  } catch (error) {
    if (!(error instanceof UnreadableReport)) throw error;
    const place = suite.format === "pytest" ? "its output" : "JUnit XML";
    return { ...run, fault: describeUnreadable(error, ending, place) };
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
