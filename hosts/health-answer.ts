import { type HealthFields, USUAL_FIELDS } from "../config/health-fields.ts";
import { lineStart } from "../system/plain-line.ts";
import { parseFlag } from "./flag-file.ts";
import { readInstant } from "./instant.ts";

/** What a process of the application says of itself; what it is not asked for is absent. */
export interface ProcessHealth {
  /** Absent where the address does not tell who answers. */
  pid?: number;
  release?: string;
  /** UTC, ISO 8601. */
  startedAt?: string;
  /** The flag as this process has it; null when its code knows none. */
  flag?: boolean | null;
  /** Whether it reaches its database; absent where it does not say. */
  database?: string;
}

/** An answer as it came. */
export interface RawAnswer {
  status: number;
  contentType: string;
  body: string;
}

const SHOWN_START = 80;
const SHOWN_NAMES = 12;

/** A short start of what came, on one line and printable: enough to see that it is a login page. */
export const showStart = (body: string): string => lineStart(body.slice(0, 4 * SHOWN_START), SHOWN_START);

const showKind = ({ status, contentType }: RawAnswer) =>
  `HTTP ${status}, ${contentType || "no content type"}`;

/** The parts of `build.commit`, or of a JSON pointer. @see RFC 6901 */
function partsOf(path: string): string[] {
  if (!path.startsWith("/")) return path.split(".");
  return path
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** The value at a path; undefined where there is none. Pure. */
export function valueAt(body: unknown, path: string): unknown {
  return partsOf(path).reduce<unknown>(
    (at, part) =>
      typeof at === "object" && at !== null && Object.hasOwn(at, part)
        ? (at as Record<string, unknown>)[part]
        : undefined,
    body,
  );
}

type Read<T> = { value: T } | { fault: string };

const show = (value: unknown) => showStart(JSON.stringify(value) ?? "nothing").slice(0, 60);

function readPid(value: unknown): Read<number> {
  const number = typeof value === "string" && /^\s*\d+\s*$/.test(value) ? Number(value) : value;
  return Number.isSafeInteger(number) && Number(number) > 0
    ? { value: Number(number) }
    : { fault: `is ${show(value)}, which is no process number` };
}

function readRelease(value: unknown): Read<string> {
  const text = typeof value === "string" ? value.trim() : "";
  return text === "" ? { fault: `is ${show(value)}, which is no commit` } : { value: text };
}

function readFlag(value: unknown): Read<boolean | null> {
  if (value === null || typeof value === "boolean") return { value };
  const said = typeof value === "string" || value === 0 || value === 1 ? parseFlag(String(value)) : undefined;
  return typeof said === "boolean"
    ? { value: said }
    : { fault: `is ${show(value)}; true, 1, yes, on and false, 0, no, off are understood, and null` };
}

function readStart(value: unknown, zone: string | undefined): Read<string> {
  const read = readInstant(value, zone);
  return "at" in read ? { value: read.at } : read;
}

/** `ok` or what it says instead. Pure. */
export function readDatabase(value: unknown): string | undefined {
  if (typeof value === "object" && value !== null && "status" in value) return readDatabase(value.status);
  if (typeof value === "boolean") return value ? "ok" : "down";
  if (typeof value !== "string") return undefined;
  return /^(ok|up|healthy|connected|reachable|pass|true)$/i.test(value.trim()) ? "ok" : showStart(value);
}

const NAMES = ["release", "flag", "pid", "startedAt"] as const;

/** The fields that the address is to tell. Pure. */
export const askedFields = (fields: HealthFields = USUAL_FIELDS) =>
  NAMES.filter((name) => fields[name] !== false);

function readFields(body: unknown, fields: HealthFields): { said: ProcessHealth; faults: string[] } {
  const said: Record<string, unknown> = {};
  const faults: string[] = [];
  const readers = {
    release: readRelease,
    flag: readFlag,
    pid: readPid,
    startedAt: (value: unknown) => readStart(value, fields.startedAtZone),
  };
  for (const name of askedFields(fields)) {
    const path = fields[name] as string;
    const value = valueAt(body, path);
    const read: Read<unknown> = value === undefined ? { fault: "is not in it" } : readers[name](value);
    if ("value" in read) said[name] = read.value;
    else faults.push(`${name}${path === name ? "" : ` ("${path}")`} ${read.fault}`);
  }
  const database = readDatabase(valueAt(body, "database"));
  return { said: { ...said, ...(database === undefined ? {} : { database }) }, faults };
}

/** The names at the top of an answer, so that a wrong path can be corrected; no value. */
function showNames(body: object): string {
  const names = Object.keys(body);
  const more = names.length > SHOWN_NAMES ? ", …" : "";
  return names.length === 0 ? "nothing" : showStart(names.slice(0, SHOWN_NAMES).join(", ")) + more;
}

/**
 * What a process says by this answer. Its status does not matter where all that is asked for is in it: many applications
 * answer 500 or 503 while their database is down. Where nothing is asked for, a success alone counts. Pure.
 * @returns the fault with status, kind and a short start of what came.
 */
export function readAnswer(
  raw: RawAnswer,
  fields: HealthFields = USUAL_FIELDS,
): { said: ProcessHealth } | { fault: string } {
  const asked = askedFields(fields);
  if (asked.length === 0)
    return raw.status >= 200 && raw.status < 300 ? { said: {} } : { fault: showUnread(raw) };
  let body: unknown;
  try {
    // Some frameworks begin with the mark of UTF-8.
    body = JSON.parse(raw.body.replace(/^\uFEFF/, ""));
  } catch {
    body = undefined;
  }
  if (typeof body !== "object" || body === null)
    return { fault: `expected JSON with ${asked.join(", ")}, got ${showUnread(raw)}` };
  const { said, faults } = readFields(body, fields);
  if (faults.length === 0) return { said };
  return { fault: `${showKind(raw)} with ${showNames(body)}: ${faults.join("; ")}` };
}

function showUnread(raw: RawAnswer): string {
  const start = showStart(raw.body);
  return start === "" ? `${showKind(raw)}, no content` : `${showKind(raw)} that begins with "${start}"`;
}
