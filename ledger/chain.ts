import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { StepError } from "../errors/step-error.ts";
import { writeDurably, writeJson } from "../system/durable-file.ts";
import {
  type EvidenceRecord,
  GENESIS,
  type NewRecord,
  parseRecord,
  recordFileName,
  recordHash,
} from "./record.ts";

const RECORD_NAME = /^(\d{6,})-.+-(begin|end|event)\.json$/;
const HEAD = "head.json";

/** Where a chain ends: enough to notice that records were cut off. */
export interface Head {
  number: number;
  hash: string;
}

/** A record that is missing, altered or out of order. `verify` shows the message, every run refuses to go on. */
export class BrokenChain extends StepError {
  override name = "BrokenChain";
}

function recordNames(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return names
    .filter((name) => RECORD_NAME.test(name))
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
}

function readRecord(folder: string, name: string): EvidenceRecord {
  try {
    return parseRecord(readFileSync(join(folder, name), "utf8"));
  } catch (cause) {
    throw new BrokenChain(
      `evidence: expected a whole record in ${join(folder, name)}, got one that does not parse. Restore the file from a copy of the evidence.`,
      { cause },
    );
  }
}

function checkLink(folder: string, name: string, record: EvidenceRecord, before: Head): void {
  const faults = [
    record.number === before.number + 1 ? "" : `number ${before.number + 1}, got ${record.number}`,
    record.previous === before.hash
      ? ""
      : `previous ${before.hash.slice(0, 12)}…, got ${record.previous.slice(0, 12)}…`,
    record.hash === recordHash(record) ? "" : "a hash that fits the content, got another",
    recordFileName(record) === name ? "" : `the name ${recordFileName(record)}, got ${name}`,
  ].filter((fault) => fault !== "");
  if (faults.length > 0) {
    throw new BrokenChain(
      `evidence: expected ${faults[0]} in ${join(folder, name)}: a record was edited, removed or reordered. ` +
        "Restore the folder from a copy of the evidence; nothing runs on a broken chain.",
    );
  }
}

/** Undefined where there is none. @throws {BrokenChain} for one that does not parse. */
function readHead(folder: string): Head | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, HEAD), "utf8")) as Head;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw headless(folder);
  }
}

const headless = (folder: string) =>
  new BrokenChain(
    `evidence: expected the chain's head in ${join(folder, HEAD)}, got none that can be read. Restore it from a copy.`,
  );

/**
 * @throws {BrokenChain} when the records do not reach up to `head` or disagree with it: the store is cut off or an old copy.
 */
export function assertContains(folder: string, records: EvidenceRecord[], head: Head, source: string): void {
  const found = records[head.number - 1];
  if (found?.hash === head.hash) return;
  throw new BrokenChain(
    `evidence: expected record ${head.number} (${head.hash.slice(0, 12)}…) in ${folder}, known from ${source}, got ` +
      `${found ? "another record of that number" : `${records.length} records`}: the evidence is cut off, an old copy or another store. ` +
      "Point evidence.url at the store that the last run used.",
  );
}

/** The evidence of one stack: numbered, hash-chained records in a folder, each written once. */
export class Chain {
  readonly folder: string;
  readonly records: readonly EvidenceRecord[];
  #records: EvidenceRecord[];

  private constructor(folder: string, records: EvidenceRecord[]) {
    this.folder = folder;
    this.#records = records;
    this.records = records;
  }

  /** Reads and checks the whole chain. @throws {BrokenChain} naming the first bad record. */
  static open(folder: string): Chain {
    // The head first: whoever writes meanwhile writes it last, so the records reach at least as far.
    const known = readHead(folder);
    const records: EvidenceRecord[] = [];
    let before: Head = { number: 0, hash: GENESIS };
    for (const name of recordNames(folder)) {
      const record = readRecord(folder, name);
      checkLink(folder, name, record, before);
      records.push(record);
      before = record;
    }
    if (known) assertContains(folder, records, known, HEAD);
    // It lags by one while the very first record is written, and after a crash there.
    else if (records.length > 1 && !readHead(folder)) throw headless(folder);
    return new Chain(folder, records);
  }

  get head(): Head | undefined {
    const last = this.#records.at(-1);
    return last && { number: last.number, hash: last.hash };
  }

  /** Appends one record, on disk before this returns. The caller holds the store's lock. */
  append(content: NewRecord, now = new Date()): EvidenceRecord {
    const body = {
      version: 1 as const,
      number: this.#records.length + 1,
      previous: this.head?.hash ?? GENESIS,
      at: now.toISOString(),
      by: { user: userInfo().username, host: hostname(), pid: process.pid },
      ...content,
    };
    // Through JSON first: what is hashed has to be what a reader parses (undefined fields vanish, dates become text).
    const stored = JSON.parse(JSON.stringify(body)) as EvidenceRecord;
    const record = { ...stored, hash: recordHash(stored) };
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    writeJson(join(this.folder, recordFileName(record)), record);
    // The head comes second: after a crash in between it lags by one, which is no fault; cut-off records are one.
    writeDurably(
      join(this.folder, HEAD),
      `${JSON.stringify({ number: record.number, hash: record.hash })}\n`,
    );
    this.#records.push(record);
    return record;
  }
}
