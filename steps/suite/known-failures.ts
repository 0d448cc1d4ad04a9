import { readFile } from "node:fs/promises";
import { closest } from "fastest-levenshtein";
import { parse } from "yaml";
import { z } from "zod";
import { StepError } from "../../errors/step-error.ts";
import { sha256Of } from "../../system/sha256.ts";
import { rankOf, type TestResult } from "./suite-results.ts";
import { pairNames } from "./test-names.ts";

const Day = z
  .string()
  .refine(
    (text) =>
      /^\d{4}-\d{2}-\d{2}$/.test(text) &&
      !Number.isNaN(Date.parse(text)) &&
      new Date(text).toISOString().startsWith(text),
    "a day such as 2025-01-31",
  );

/** A test that may fail: why, since when, and until when if that is agreed. */
export const KnownFailure = z.strictObject({
  test: z.string().min(1, "the test's name as the suite's report has it"),
  reason: z.string().trim().min(1, "a reason"),
  date: Day,
  expires: Day.optional(),
});
export type KnownFailure = z.infer<typeof KnownFailure>;

/** The list, and the digest of the file that it was read from. */
export interface KnownFailures {
  entries: KnownFailure[];
  sha256: string | null;
}

const MISSING = "a list of {test, reason, date, expires?}";

function issueText(path: PropertyKey[], message: string, entries: unknown): string {
  const [index, field, ...rest] = path;
  if (index === undefined) return `the whole file: expected ${MISSING}, ${message}`;
  const entry = Array.isArray(entries) ? (entries[Number(index)] as { test?: unknown } | null) : undefined;
  const test = typeof entry?.test === "string" ? ` (${entry.test})` : "";
  const key = [field, ...rest].filter((part) => part !== undefined).join(".");
  return `entry ${Number(index) + 1}${test}${key ? `, ${key}` : ""}: ${message}`;
}

function findDoubles(entries: KnownFailure[], today: string): string[] {
  const seen = new Set<string>();
  return entries.flatMap(({ test, date, expires }, index) => {
    const name = `entry ${index + 1} (${test})`;
    const faults: string[] = [];
    if (seen.has(test)) faults.push(`${name}: the test is listed twice`);
    if (date > today) faults.push(`${name}, date: expected a day that has come, got ${date}`);
    if (expires !== undefined && expires < date)
      faults.push(`${name}, expires: expected a day from ${date} on, got ${expires}`);
    seen.add(test);
    return faults;
  });
}

/** Parses the text of a list: YAML, of which JSON is a part. Returns every fault at once. Pure. */
export function parseKnownFailures(
  text: string,
  today: string,
): { entries: KnownFailure[]; faults: string[] } {
  let content: unknown;
  try {
    // `core` leaves a day a text; YAML 1.1 would make a date of it.
    content = parse(text, { schema: "core", maxAliasCount: 0 }) ?? [];
  } catch (error) {
    const [line] = (error instanceof Error ? error.message : String(error)).split("\n");
    return { entries: [], faults: [`the whole file: expected YAML or JSON, got: ${line}`] };
  }
  const parsed = z.array(KnownFailure).safeParse(content, {
    error: ({ input }) => (input === undefined ? "is missing" : undefined),
  });
  if (parsed.success) return { entries: parsed.data, faults: findDoubles(parsed.data, today) };
  return {
    entries: [],
    faults: parsed.error.issues.map(({ path, message }) => issueText(path, message, content)),
  };
}

/**
 * Reads the list of tests that may fail; without a file it is empty.
 * @throws {StepError} listing every fault of it.
 */
export async function loadKnownFailures(file: string | undefined, now: Date): Promise<KnownFailures> {
  if (file === undefined) return { entries: [], sha256: null };
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "an error";
    throw new StepError(
      `test-suite: expected the known failures in ${file}, got ${code}. Correct testSuite.knownFailures, or remove it when none are known.`,
      { cause },
    );
  }
  // A day that has begun anywhere on earth is no fault.
  const tomorrow = new Date(now.getTime() + 14 * 3600 * 1000).toISOString().slice(0, 10);
  const { entries, faults } = parseKnownFailures(bytes.toString("utf8"), tomorrow);
  if (faults.length > 0) {
    throw new StepError(
      `test-suite: expected a list of known failures, each with test, reason and date, in ${file}, got:\n` +
        `${faults.map((fault) => `  - ${fault}`).join("\n")}\nCorrect the file.`,
    );
  }
  return { entries, sha256: sha256Of(bytes) };
}

/**
 * The entries under the names that their tests have in this run: one that holds an address or a time is another one each
 * time. Those of no test keep theirs. Pure.
 */
export function atTheirNames(entries: readonly KnownFailure[], tests: readonly TestResult[]): KnownFailure[] {
  const worstFirst = [...tests].sort((a, b) => rankOf(b) - rankOf(a)).map(({ id }) => id);
  const listed = entries.map(({ test }) => test);
  const names = new Map([...pairNames(listed, worstFirst)].map(([now, before]) => [before, now]));
  return entries.map((entry) => ({ ...entry, test: names.get(entry.test) ?? entry.test }));
}

/** Listed tests that the suite does not have, each with the name that it may mean. Pure. */
export function findUnknown(entries: readonly KnownFailure[], ids: readonly string[]): string[] {
  const present = new Set(ids);
  return entries
    .filter(({ test }) => !present.has(test))
    .map(
      ({ test }) =>
        `${test} (the suite has no such test${ids.length > 0 ? `; nearest: ${closest(test, ids)}` : ""})`,
    );
}

/** True while the entry excuses a failure. */
export function isValid({ expires }: KnownFailure, now: Date): boolean {
  return expires === undefined || now.toISOString().slice(0, 10) <= expires;
}
