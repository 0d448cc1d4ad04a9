import { createReadStream } from "node:fs";
import { isAbsolute } from "node:path";
import { TextDecoder } from "node:util";
import sax from "sax";
import { lineStart } from "../../system/plain-line.ts";
import { describeFailure } from "./failure-reason.ts";
import { type Attempt, foldAttempts, type SuiteElement } from "./junit-attempts.ts";
import type { TestResult, TestStatus } from "./suite-results.ts";

/** The report is not one that results can be read from: the message says why, and where. */
export class UnreadableReport extends Error {
  override name = "UnreadableReport";
}

// Its own 64 KiB would refuse a report whose failure messages (attributes) are long. Text goes through in pieces.
(sax as unknown as { MAX_BUFFER_LENGTH: number }).MAX_BUFFER_LENGTH = 8 * 1024 * 1024;

/**
 * `retried`: a try that failed and was followed by another, as Surefire, nextest and Playwright write it. `flaky`: said
 * of the whole test, as Firebase Test Lab does, whatever else stands there.
 */
type Outcome = "failure" | "error" | "skipped" | "retried" | "flaky";

interface OpenCase {
  id: string;
  seconds?: string;
  outcomes: Set<Outcome>;
  message: string;
  /** End of the text of its failure: the reason stands there. */
  text: string;
  place: string;
  /** Not a test but the file of some: its result counts only when it failed as a whole. */
  isFile: boolean;
  /** Not a test but what its suite says of itself. */
  ofSuite?: boolean;
  /** Of Node's runner, which has no reruns and lets two tests have one name. */
  alone: boolean;
}

type Attributes = Record<string, string>;

/** `testcase` of `<junit:testcase>`. */
const localName = (name: string) => name.slice(name.indexOf(":") + 1);

/** Name for a fault that stands in a suite and in none of its tests. */
const WHOLE_SUITE = "(the suite as a whole)";

function outcomeOf(element: string): Outcome | undefined {
  if (element === "failure" || element === "error" || element === "skipped") return element;
  // PHPUnit's, which fails the run.
  if (element === "warning") return "failure";
  // flakyFailure, flakyError, rerunFailure, rerunError.
  return /^(?:flaky|rerun)(?:failure|error)?$/i.test(element) ? "retried" : undefined;
}

function statusOf(outcomes: ReadonlySet<Outcome>): TestStatus {
  if (outcomes.has("skipped")) return "skipped";
  if (outcomes.has("flaky")) return "flaky";
  if (outcomes.has("failure") || outcomes.has("error")) return "failed";
  return outcomes.has("retried") ? "flaky" : "passed";
}

const STATUSES: [RegExp, Outcome][] = [
  [/^(notrun|suppressed|disabled|skipped|ignored|untested|pending|blocked)$/i, "skipped"],
  [/^(fail|failed|failure|error|errored|broken|undefined|timeout|timedout)$/i, "failure"],
];

/** What the attributes alone say, as GoogleTest, CTest and behave write it. */
function statedOutcomes({ status = "", result = "", success = "", flaky }: Attributes): Outcome[] {
  const stated = [status, result].flatMap((word) =>
    STATUSES.flatMap(([pattern, outcome]) => (pattern.test(word) ? [outcome] : [])),
  );
  return [
    ...stated,
    ...(/^false$/i.test(success) ? (["failure"] as const) : []),
    ...(flaky === "true" ? (["flaky"] as const) : []),
  ];
}

/** Characters of a failure's text that are kept. */
const KEPT_TEXT = 8_192;

/** Gathers the test cases of a report while its elements come by. */
class CaseCollector {
  readonly #attempts: Attempt[] = [];
  readonly #suites: { name: string; element: SuiteElement }[] = [];
  readonly #root: string;
  #outside: SuiteElement = { key: "", namesAreUnique: false, declared: Number.POSITIVE_INFINITY };
  #case: OpenCase | undefined;
  #inOutcome = false;
  #depth = 0;

  /** @param root Folder that the suite ran in: paths below it are shown without it, for it differs by release. */
  constructor(root: string) {
    this.#root = root.endsWith("/") ? root : `${root}/`;
  }

  open({ name: qualified, attributes }: { name: string; attributes: Attributes }): void {
    const name = localName(qualified);
    this.#depth += 1;
    if (this.#depth === 1 && name !== "testsuites" && name !== "testsuite") {
      throw new UnreadableReport(`expected <testsuites> or <testsuite> at its root, got <${name}>`);
    }
    if (name === "testsuites") this.#outside = { ...this.#outside, namesAreUnique: isPytest(attributes) };
    if (name === "testsuite") this.#openSuite(attributes);
    if (name === "testcase") this.#case = this.#openCase(attributes);
    const outcome = outcomeOf(name);
    // A fault of the suite as a whole: of what it sets up, or of the file that can't be loaded.
    const ofSuite = !this.#case && this.#suites.length > 0 && (outcome === "failure" || outcome === "error");
    if (ofSuite) this.#case = { ...this.#openCase({ name: WHOLE_SUITE }), ofSuite };
    if (!this.#case || !outcome) return;
    this.#case.outcomes.add(outcome);
    this.#inOutcome = this.#case.message === "";
    this.#case.message ||= attributes.message ?? "";
  }

  text(text: string): void {
    if (this.#inOutcome && this.#case) this.#case.text = (this.#case.text + text).slice(-KEPT_TEXT);
  }

  close(qualified: string): void {
    const name = localName(qualified);
    this.#depth -= 1;
    if (outcomeOf(name)) this.#inOutcome = false;
    if (name === "testsuite") this.#suites.pop();
    if (!this.#case || (name !== "testcase" && !(this.#case.ofSuite && outcomeOf(name)))) return;
    this.#keep(this.#case);
    this.#case = undefined;
  }

  results(): TestResult[] {
    return foldAttempts(this.#attempts);
  }

  #openSuite(attributes: Attributes): void {
    const { name = "", tests = "" } = attributes;
    const around = this.#suites.at(-1)?.element ?? this.#outside;
    const { hostname = "", package: group = "", file = "" } = attributes;
    const element: SuiteElement = {
      key: [around.key, name, hostname, group, file].join("\0"),
      namesAreUnique: around.namesAreUnique || isPytest(attributes),
      declared: /^\d+$/.test(tests) ? Number(tests) : Number.POSITIVE_INFINITY,
    };
    this.#suites.push({ name, element });
  }

  #openCase(attributes: Attributes): OpenCase {
    const { name = "", classname = "", time, file = "", line = "" } = attributes;
    const suites = this.#suites.map((suite) => suite.name);
    // Node writes the class name `test` for every test: there the suites around it say more.
    const ofNode = classname === "test";
    const group = classname !== "" && !ofNode ? classname : suites.join(" > ");
    const own = name.startsWith(this.#root) ? name.slice(this.#root.length) : name;
    const id = lineStart(group === "" ? own : `${group}::${own}`, 1000) || "(no name)";
    // Node reports a file without a test as one that passed, under the file's path.
    const isFile = ofNode && suites.length === 0 && isAbsolute(name);
    return {
      ...{ id, isFile, alone: ofNode, place: `${file}:${line}`, message: "", text: "" },
      outcomes: new Set(statedOutcomes(attributes)),
      ...(time === undefined ? {} : { seconds: time }),
    };
  }

  #keep({ id, seconds, outcomes, message, text, isFile, place, alone }: OpenCase): void {
    const status = statusOf(outcomes);
    if (isFile && status !== "failed") return;
    const reason = isFile
      ? `${lineStart(message)} (the file as a whole: run it alone to see why)`
      : describeFailure(message, text);
    const result: TestResult = {
      id,
      status,
      ...(seconds ? { seconds } : {}),
      ...(reason ? { message: reason } : {}),
    };
    this.#attempts.push({ result, place, alone, suite: this.#suites.at(-1)?.element ?? this.#outside });
  }
}

/** pytest makes the names of its tests unique. Its plugins write each try as a case, the failed ones as if they had passed. */
const isPytest = ({ name = "" }: Attributes): boolean => name === "pytest" || name === "pytest tests";

/** A file's encoding by its first bytes: a mark, or what the XML declaration says. */
function decoderOf(start: Buffer): TextDecoder {
  const mark = start.subarray(0, 2).toString("hex");
  const declared = /^<\?xml[^>]*\sencoding\s*=\s*["']([\w.:-]+)["']/.exec(start.toString("latin1", 0, 200));
  const name = mark === "fffe" ? "utf-16le" : mark === "feff" ? "utf-16be" : (declared?.[1] ?? "utf-8");
  try {
    return new TextDecoder(name);
  } catch {
    throw new UnreadableReport(`expected an encoding that is known, got ${JSON.stringify(name)}`);
  }
}

async function* decodedText(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let decoder: TextDecoder | undefined;
  for await (const chunk of chunks) {
    decoder ??= decoderOf(chunk);
    yield decoder.decode(chunk, { stream: true });
  }
  if (decoder) yield decoder.decode();
}

/**
 * Reads a JUnit XML report, test by test, however large it is. Entities that a document defines itself are not
 * expanded, and none from elsewhere are fetched.
 * @throws {UnreadableReport} when it is missing, cut off or something else.
 */
export async function readJunitReport(file: string, root: string): Promise<TestResult[]> {
  const parser = sax.parser(true, { position: true });
  const collector = new CaseCollector(root);
  parser.onopentag = (tag) => collector.open(tag as sax.Tag);
  parser.ontext = (text) => collector.text(text);
  parser.oncdata = (text) => collector.text(text);
  parser.onclosetag = (name) => collector.close(name);
  parser.onerror = (error) => {
    // A control character, as colours of a terminal are, has no form in XML: it stays as it is written.
    const { entity = "" } = parser as unknown as { entity?: string };
    if (/^#(\d{1,7}|x[\da-f]{1,6})$/i.test(entity) && /^Invalid character entity/.test(error.message)) {
      parser.error = null as unknown as Error;
      return;
    }
    throw new UnreadableReport(`${error.message.split("\n")[0]} (line ${parser.line + 1})`);
  };
  let size = 0;
  try {
    for await (const text of decodedText(createReadStream(file, { highWaterMark: 1 << 18 }))) {
      size += text.length;
      parser.write(text);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw new UnreadableReport("there is none");
    throw error;
  }
  if (size === 0) throw new UnreadableReport("it is empty");
  parser.close();
  return collector.results();
}
