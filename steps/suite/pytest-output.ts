import { readLines } from "../../processes/line-reader.ts";
import { lineStart } from "../../system/plain-line.ts";
import { UnreadableReport } from "./junit-report.ts";
import { mergeResults, type TestResult, type TestStatus } from "./suite-results.ts";

const STATUS: Record<string, TestStatus> = {
  PASSED: "passed",
  XPASS: "passed",
  FAILED: "failed",
  ERROR: "failed",
  SKIPPED: "skipped",
  XFAIL: "skipped",
};
/** Tries that failed and were followed by another, as pytest-rerunfailures and pytest-retry tell them. */
const TRIES: Record<string, string> = { RERUN: "rerun", RETRY: "retried" };
const WORDS = [...Object.keys(STATUS), ...Object.keys(TRIES)].join("|");
/** `tests/test_a.py::test_b[x] PASSED   [ 12%]` */
const PLAIN = new RegExp(`^(\\S.*?::.*) (${WORDS})(?: \\(.*\\))?(?:\\s+\\[\\s*\\d+%\\])?\\s*$`);
/** `[gw0] [ 12%] PASSED tests/test_a.py::test_b[x]`, as pytest-xdist prints it. */
const DISTRIBUTED = new RegExp(`^\\[gw\\d+\\] \\[\\s*\\d+%\\] (${WORDS}) (\\S.*?::.*?)\\s*$`);
/** `FAILED tests/test_a.py::test_b - assert 1 == 2` in the short summary; a file that could not be collected has no `::`. */
const SUMMARY = /^(FAILED|ERROR|SUBFAILED(?:\(.*?\)|\[.*?\])?|SUBFAIL) (\S.*?)(?: - (.*))?$/;
/** `=== 4 failed, 7 passed, 3 errors in 0.94s ===`, or `no tests ran`. */
const TOTALS = /^=+ ((?:\d+ [a-z ]+, )*(?:\d+ [a-z ]+|no tests ran)) in [\d.]+s.*=+$/;
const STOPPED = /^!+ (.*) !+$/;

/** Longer lines are a test's own output. */
const LONGEST_LINE = 8_192;

interface Reading {
  results: Map<string, TestResult>;
  /** Tests of which a try failed and was followed by another. */
  retried: Set<string>;
  /** Lines by the word that the totals use. */
  seen: Record<string, number>;
  totals?: string;
  stopped?: string;
}

const TOTAL_WORD: Record<string, string> = {
  PASSED: "passed",
  XPASS: "xpassed",
  FAILED: "failed",
  ERROR: "error",
  SKIPPED: "skipped",
  XFAIL: "xfailed",
  ...TRIES,
};

function addResult({ results, retried, seen }: Reading, id: string, word: string): void {
  const plain = lineStart(id, 1000);
  const total = TOTAL_WORD[word] ?? word;
  seen[total] = (seen[total] ?? 0) + 1;
  if (Object.hasOwn(TRIES, word)) {
    retried.add(plain);
    return;
  }
  const result: TestResult = { id: plain, status: STATUS[word] ?? "failed" };
  const before = results.get(plain);
  results.set(plain, before ? mergeResults(before, result) : result);
}

/** The short summary says why, and names what no result line has: subtests, and files that could not be collected. */
function addSummary(reading: Reading, word: string, id: string, message = ""): void {
  const plain = lineStart(id, 1000);
  if (word.startsWith("SUB")) addResult(reading, plain, "FAILED");
  else if (!plain.includes("::")) addResult(reading, plain, word);
  const result = reading.results.get(plain);
  if (result && message) reading.results.set(plain, { message: lineStart(message), ...result });
}

function readLine(reading: Reading, line: string, inSummary: boolean): void {
  if (inSummary) {
    const [, word, id, message] = SUMMARY.exec(line) ?? [];
    if (word !== undefined && id !== undefined) addSummary(reading, word, id, message);
  } else {
    const [, id, word] = PLAIN.exec(line) ?? [];
    const [, distributedWord, distributedId] = DISTRIBUTED.exec(line) ?? [];
    if (id !== undefined && word !== undefined) addResult(reading, id, word);
    else if (distributedId && distributedWord) addResult(reading, distributedId, distributedWord);
  }
  const totals = TOTALS.exec(line)?.[1];
  if (totals) reading.totals = totals;
  const stopped = STOPPED.exec(line)?.[1];
  if (stopped) reading.stopped = stopped;
}

/** Compares the lines with pytest's own totals, so that a line that was not understood can't go unnoticed. */
function checkTotals({ totals, seen }: Reading): void {
  if (totals === undefined) throw new UnreadableReport("it ends before pytest's totals: the run broke off");
  const told: Record<string, number> = {};
  for (const part of totals.split(", ")) {
    const [, count = "0", word = ""] = /^(\d+) (\w+)$/.exec(part) ?? [];
    told[word === "errors" ? "error" : word] = Number(count);
  }
  for (const word of Object.values(TOTAL_WORD)) {
    if ((told[word] ?? 0) === (seen[word] ?? 0)) continue;
    throw new UnreadableReport(
      `its totals say ${told[word] ?? 0} ${word}, its lines ${seen[word] ?? 0}: run pytest with -v and without -s and -q, or have it write JUnit XML`,
    );
  }
}

async function readOutput(file: string): Promise<Reading> {
  const reading: Reading = { results: new Map(), retried: new Set(), seen: {} };
  let inSummary = false;
  for await (const { text } of readLines(file, { longest: LONGEST_LINE })) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours, as pytest prints them for a terminal
    const plain = text.replace(/\r$/, "").replaceAll(/\u001b\[[0-9;]*m/g, "");
    if (/^=+ short test summary info =+$/.test(plain)) inSummary = true;
    readLine(reading, plain, inSummary);
  }
  return reading;
}

/**
 * Reads what `pytest -v` prints, test by test. One that passed after a try that failed is flaky.
 * @throws {UnreadableReport} when it broke off, was stopped early or does not add up to pytest's own totals.
 */
export async function readPytestOutput(file: string): Promise<TestResult[]> {
  const reading = await readOutput(file);
  if (reading.stopped !== undefined)
    throw new UnreadableReport(`pytest stopped early: ${lineStart(reading.stopped)}`);
  checkTotals(reading);
  return [...reading.results.values()].map((test) =>
    test.status === "passed" && reading.retried.has(test.id) ? { ...test, status: "flaky" } : test,
  );
}

/** `tests/test_a.py::TestC::test_b[x::y]` as pytest's JUnit XML calls it: `tests.test_a.TestC::test_b[x::y]`. */
function junitName(node: string): string {
  const [, path = "", classes = "", name = ""] = /^(.*?)\.py::((?:\w+::)*)(.*)$/.exec(node) ?? [];
  if (path === "") return node;
  return `${path.replaceAll("/", ".")}${classes.slice(0, -2) ? `.${classes.slice(0, -2).replaceAll("::", ".")}` : ""}::${name}`;
}

/** Tests of which pytest says that it tried them again, for its XML does not tell it of every plugin. */
export interface Retried {
  /** By their names in the XML, where `-v` prints them. */
  names: Set<string>;
  /** Tries again, by pytest's totals. */
  tries: number;
}

export async function readRetried(file: string): Promise<Retried> {
  const { retried, totals = "" } = await readOutput(file);
  const counts = [...totals.matchAll(/(\d+) (?:rerun|retried)\b/g)].map(([, count]) => Number(count));
  return {
    names: new Set([...retried].map(junitName)),
    tries: counts.reduce((sum, count) => sum + count, 0),
  };
}
