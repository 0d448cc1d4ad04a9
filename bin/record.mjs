import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { OWN, RECORD } from "./paths.mjs";

/** What was chosen for this checkout; undefined before the first set-up and when the file is of another version. */
export function readRecord() {
  try {
    const record = JSON.parse(readFileSync(RECORD, "utf8"));
    return record.version === 1 ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Written whole or not at all. */
export function writeRecord(record) {
  mkdirSync(OWN, { recursive: true });
  const part = `${RECORD}.${process.pid}`;
  writeFileSync(part, `${JSON.stringify({ version: 1, ...record }, null, 2)}\n`);
  renameSync(part, RECORD);
}

/** True when the engine that the record names is still there, and nothing asks for another kind. */
export function isCurrent(record, force) {
  return Boolean(record && (!force || record.engine.kind === force) && existsSync(record.engine.path));
}
