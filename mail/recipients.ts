import { readFile, stat } from "node:fs/promises";
import { parse } from "csv-parse/sync";
import { Address } from "../config/mail.ts";
import { StepError } from "../errors/step-error.ts";
import { sha256Of } from "../system/sha256.ts";
import { needsSmtpUtf8, onTheLine } from "./address.ts";

/** One entry of a list as it was found. */
export interface Entry {
  /** `line 4`, `row 17`: names it where its address may not be shown. */
  where: string;
  text: string;
}

/** Who gets a mail. */
export interface Recipients {
  addresses: string[];
  /** Places of entries that are there a second time. */
  duplicates: string[];
  /** Places of entries that are no address. */
  invalid: string[];
  /** Places of addresses that only some servers can take: letters beyond ASCII before the @. */
  beyondAscii: string[];
}

/** Larger files are no list of recipients. */
const FILE_BYTES = 64 * 1024 * 1024;
/** Places that a message lists. */
const SHOWN = 10;

/** Sorts entries into addresses, duplicates in any case of letters, and what is no address. Pure. */
export function sortEntries(entries: Iterable<Entry>): Recipients {
  const seen = new Set<string>();
  const found: Recipients = { addresses: [], duplicates: [], invalid: [], beyondAscii: [] };
  for (const { where, text } of entries) {
    const address = text.trim();
    // A domain in its own letters and in punycode is one.
    const key = onTheLine(address).toLowerCase();
    if (!Address.safeParse(address).success) found.invalid.push(where);
    else if (seen.has(key)) found.duplicates.push(where);
    else {
      found.addresses.push(address);
      if (needsSmtpUtf8(address)) found.beyondAscii.push(where);
    }
    seen.add(key);
  }
  return found;
}

/** Names the same recipients the same way, in any order, and none of them. */
export function recipientsDigest(addresses: readonly string[]): string {
  const sorted = addresses.map((address) => address.toLowerCase()).sort();
  return sha256Of(sorted.join("\n")).slice(0, 16);
}

/** `line 3, line 9 and 4 more` */
export function placed(places: readonly string[]): string {
  const more = places.length - SHOWN;
  return places.slice(0, SHOWN).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** `412 recipients (digest 1f…); 2 duplicates left out: line 8, line 9; 1 is no address: line 3` */
export function describeRecipients({ addresses, duplicates, invalid }: Recipients): string {
  const count = `${addresses.length.toLocaleString("en-US")} recipient${addresses.length === 1 ? "" : "s"}`;
  return [
    `${count} (digest ${recipientsDigest(addresses)})`,
    ...(duplicates.length > 0
      ? [`left out as duplicates: ${duplicates.length} (${placed(duplicates)})`]
      : []),
    ...(invalid.length > 0 ? [`left out as no address: ${invalid.length} (${placed(invalid)})`] : []),
  ].join("; ");
}

const linesOf = (text: string): Entry[] =>
  text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .map((line, at) => ({ where: `line ${at + 1}`, text: line }))
    .filter(({ text: line }) => !/^\s*(#|$)/.test(line));

function columnOf(text: string, column: string, refuse: (expected: string, got: string) => never): Entry[] {
  let rows: { info: { lines: number }; record: string[] }[];
  try {
    rows = parse(text, {
      ...{ bom: true, info: true, skip_empty_lines: true, relax_column_count: true },
      delimiter: [",", ";", "\t"],
    }) as unknown as typeof rows;
  } catch (error) {
    // Its message may quote the file.
    return refuse("a CSV file", `one that does not parse (${(error as { code?: string }).code})`);
  }
  const headings = rows[0]?.record.map((heading) => heading.trim()) ?? [];
  const at = headings.indexOf(column);
  if (at === -1) return refuse(`a column ${column}`, headings.join(", ") || "none");
  return rows.slice(1).map(({ info, record }) => ({ where: `line ${info.lines}`, text: record[at] ?? "" }));
}

/**
 * The entries of a file: one a line, empty lines and those that begin with # left out; or a column of a CSV file.
 * @throws {StepError} for a file that can't be read, with no line of it.
 */
export async function readRecipientFile(step: string, path: string, column?: string): Promise<Entry[]> {
  const refuse = (expected: string, got: string): never => {
    throw new StepError(
      `${step}: expected ${expected} in ${path}, got ${got}. Correct ${step}.recipients (docs/announcement.md).`,
    );
  };
  const { size } = await stat(path).catch(() => refuse("the recipients", "no file that can be read"));
  if (size > FILE_BYTES) return refuse("at most 64 MiB of recipients", `${size} bytes`);
  const text = await readFile(path, "utf8");
  return column === undefined ? linesOf(text) : columnOf(text, column, refuse);
}
