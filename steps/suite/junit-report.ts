import { createReadStream } from "node:fs";
import { isAbsolute } from "node:path";
import sax from "sax";
import { mergeResults, onOneLine, type TestResult } from "./suite-results.ts";

/** The report is not one that results can be read from: the message says why, and where. */
export class UnreadableReport extends Error {
  override name = "UnreadableReport";
}

// Its own 64 KiB would refuse a report whose failure messages (attributes) are long. Text goes through in pieces.
(sax as unknown as { MAX_BUFFER_LENGTH: number }).MAX_BUFFER_LENGTH = 8 * 1024 * 1024;

type Outcome = "failure" | "error" | "skipped";

interface OpenCase {
  id: string;
  seconds?: string;
  outcomes: Set<Outcome>;
  message: string;
  /** Not a test but the file of some: its result counts only when it failed as a whole. */
  isFile: boolean;
}

const isOutcome = (name: string): name is Outcome => ["failure", "error", "skipped"].includes(name);

/** Gathers the test cases of a report while its elements come by. */
class CaseCollector {
  readonly #results = new Map<string, { result: TestResult; outcomes: Set<Outcome> }>();
  readonly #suites: string[] = [];
  readonly #root: string;
  #case: OpenCase | undefined;
  #inOutcome = false;
  #depth = 0;

  /** @param root Folder that the suite ran in: paths below it are shown without it, for it differs by release. */
  constructor(root: string) {
    this.#root = root.endsWith("/") ? root : `${root}/`;
  }

  open({ name, attributes }: { name: string; attributes: Record<string, string> }): void {
    this.#depth += 1;
    if (this.#depth === 1 && name !== "testsuites" && name !== "testsuite") {
      throw new UnreadableReport(`expected <testsuites> or <testsuite> at its root, got <${name}>`);
    }
    if (name === "testsuite") this.#suites.push(attributes.name ?? "");
    if (name === "testcase") this.#case = this.#openCase(attributes);
    if (this.#case && isOutcome(name)) {
      this.#case.outcomes.add(name);
      this.#case.message ||= attributes.message ?? "";
      this.#inOutcome = this.#case.message === "";
    }
  }

  text(text: string): void {
    if (this.#inOutcome && this.#case && this.#case.message.length < 1000) this.#case.message += text;
  }

  close(name: string): void {
    this.#depth -= 1;
    if (isOutcome(name)) this.#inOutcome = false;
    if (name === "testsuite") this.#suites.pop();
    if (name !== "testcase" || !this.#case) return;
    this.#keep(this.#case);
    this.#case = undefined;
  }

  results(): TestResult[] {
    return [...this.#results.values()].map(({ result }) => result);
  }

  #openCase({ name = "", classname = "", time }: Record<string, string>): OpenCase {
    // Node writes the class name `test` for every test: there the suites around it say more.
    const group = classname !== "" && classname !== "test" ? classname : this.#suites.join(" > ");
    const own = name.startsWith(this.#root) ? name.slice(this.#root.length) : name;
    const id = onOneLine(group === "" ? own : `${group}::${own}`, 1000) || "(no name)";
    // Node reports a file without a test as one that passed, under the file's path.
    const isFile = classname === "test" && this.#suites.length === 0 && isAbsolute(name);
    return { id, isFile, outcomes: new Set(), message: "", ...(time === undefined ? {} : { seconds: time }) };
  }

  #keep({ id, seconds, outcomes, message, isFile }: OpenCase): void {
    const failed = !outcomes.has("skipped") && outcomes.size > 0;
    const status = outcomes.has("skipped") ? "skipped" : failed ? "failed" : "passed";
    if (isFile && status !== "failed") return;
    const text = onOneLine(message);
    const result: TestResult = {
      id,
      status,
      ...(seconds ? { seconds } : {}),
      ...(text ? { message: text } : {}),
    };
    const before = this.#results.get(id);
    if (before && isOneTest(before.outcomes, outcomes)) {
      this.#results.set(id, { result: mergeResults(before.result, result), outcomes: before.outcomes });
      return;
    }
    let unique = id;
    for (let nth = 2; this.#results.has(unique); nth += 1) unique = `${id}#${nth}`;
    this.#results.set(unique, { result: { ...result, id: unique }, outcomes });
  }
}

/** pytest writes a test that fails and whose teardown fails as well as two cases. Others of one name are two tests. */
function isOneTest(one: Set<Outcome>, other: Set<Outcome>): boolean {
  return one.has("failure") && other.has("error") && !other.has("failure");
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
    throw new UnreadableReport(`${error.message.split("\n")[0]} (line ${parser.line + 1})`);
  };
  let size = 0;
  try {
    for await (const chunk of createReadStream(file, { encoding: "utf8", highWaterMark: 1 << 18 })) {
      size += chunk.length;
      parser.write(chunk);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw new UnreadableReport("there is none");
    throw error;
  }
  if (size === 0) throw new UnreadableReport("it is empty");
  parser.close();
  return collector.results();
}
