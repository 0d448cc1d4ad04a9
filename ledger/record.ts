import canonicalize from "canonicalize";
import { z } from "zod";
import { sha256Of } from "../system/sha256.ts";
import { AuditPoint } from "./audit-point.ts";
import { LeftThing } from "./left.ts";

/** `previous` of the first record. */
export const GENESIS = "0".repeat(64);

const Hash = z.string().regex(/^[0-9a-f]{64}$/);

const Common = {
  version: z.literal(1),
  /** 1, 2, 3, …: order is by number, never by time, since clocks go backwards. */
  number: z.int().min(1),
  previous: Hash,
  /** UTC, ISO 8601. */
  at: z.iso.datetime(),
  /** Who wrote it: enough to tell an orphan from a stranger. */
  by: z.object({ user: z.string(), host: z.string(), pid: z.int() }),
};

const StepFields = {
  phase: z.string(),
  step: z.string(),
  kind: z.string(),
  verb: z.enum(["apply", "undo"]),
};

const Begin = z.object({
  ...Common,
  record: z.literal("begin"),
  ...StepFields,
  digest: Hash,
  generation: z.int().min(1),
  /** The spec as it was given, so that the step can be undone from the evidence alone. */
  spec: z.record(z.string(), z.unknown()),
  /** What the step saw and said it would do, before it did anything. */
  will: z.array(z.string()),
});

const End = z.object({
  ...Common,
  record: z.literal("end"),
  ...StepFields,
  /** Number of the begin record that this one closes. */
  begin: z.int().min(1),
  outcome: z.enum(["done", "failed", "cancelled"]),
  result: z.record(z.string(), z.unknown()).optional(),
  error: z.string().optional(),
});

const Event = z.object({
  ...Common,
  record: z.literal("event"),
  event: z.enum(["target-replaced", "recovered", "flag-switched", "backup-erased", "uninstalled"]),
  /** What happened, for a person. */
  note: z.string(),
});

/** A person looked at one point of a step's checklist and found it right. */
const PointChecked = z.object({
  ...Common,
  record: z.literal("event"),
  event: z.literal("point-checked"),
  phase: z.string(),
  step: z.string(),
  /** The point in its own words. */
  point: z.string(),
  /** What was looked at, as the step names it: a tick says nothing of anything else. */
  subject: z.string(),
  /** Who looked, by name: `by` is the process that wrote this. */
  checkedBy: z.string(),
  note: z.string().optional(),
});

/** Somebody closed the book: what stands now stays, and nothing of it is undone any more. */
const FinishedEvent = z.object({
  ...Common,
  record: z.literal("event"),
  event: z.literal("finished"),
  /** Why it may be: a green audit, or a person's own words. */
  reason: z.string(),
  /** What went with it, for a person. */
  note: z.string(),
});

/** A host is gone for good: what cannot be undone on it keeps nobody from going back. */
const HostAbandoned = z.object({
  ...Common,
  record: z.literal("event"),
  event: z.literal("host-abandoned"),
  host: z.string(),
  reason: z.string(),
  /** What that means, for a person. */
  note: z.string(),
});

/** `rollout audit` looked at the runbook's seven points. */
const Audited = z.object({
  ...Common,
  record: z.literal("event"),
  event: z.literal("audit"),
  /** All seven points. */
  green: z.boolean(),
  /** Before all of the days after phase 4 were over: it counts for nothing yet. */
  early: z.boolean(),
  points: z.array(AuditPoint),
  /** What it came to, for a person. */
  note: z.string(),
});

/** Somebody ended the way back on record: what an undo has left stays as it is. */
const LeftAccepted = z.object({
  ...Common,
  record: z.literal("event"),
  event: z.literal("left-accepted"),
  reason: z.string(),
  /** How many things that are, and what; keys of the first of each. */
  count: z.int().min(1),
  left: z.array(LeftThing),
  /** Export of the journal, which names every one of them. */
  journal: z.string(),
  /** What that means, for a person. */
  note: z.string(),
});

const AnyEvent = z.discriminatedUnion("event", [
  Event,
  PointChecked,
  FinishedEvent,
  HostAbandoned,
  Audited,
  LeftAccepted,
]);

const Body = z.discriminatedUnion("record", [Begin, End, AnyEvent]);
type Body = z.infer<typeof Body>;

/** One link of the evidence chain: its content and the hash of that content. */
export const EvidenceRecord = z.intersection(Body, z.object({ hash: Hash }));
export type EvidenceRecord = z.infer<typeof EvidenceRecord>;
export type BeginRecord = Extract<EvidenceRecord, { record: "begin" }>;
export type EndRecord = Extract<EvidenceRecord, { record: "end" }>;
export type EventRecord = Extract<EvidenceRecord, { record: "event" }>;
export type FinishedRecord = Extract<EvidenceRecord, { event: "finished" }>;

type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
/** What a writer says; number, links and hash are the chain's to set. */
export type NewRecord = Without<Body, "version" | "number" | "previous" | "at" | "by">;

/** SHA-256 over the RFC 8785 canonical form, in hex. */
export function hashOf(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new Error(`record: expected a JSON value to hash, got ${typeof value}`);
  return sha256Of(text);
}

/** Hash of a record's content, everything but its own `hash`. */
export function recordHash(record: EvidenceRecord | Body): string {
  const { hash: _, ...content } = record as EvidenceRecord;
  return hashOf(content);
}

/** Parses and checks the form of one stored record; the links are the chain's to check. */
export function parseRecord(text: string): EvidenceRecord {
  return EvidenceRecord.parse(JSON.parse(text));
}

/** File name of a record: `000012-backup-begin.json`. */
export function recordFileName(record: EvidenceRecord): string {
  const number = String(record.number).padStart(6, "0");
  return record.record === "event"
    ? `${number}-${record.event}-event.json`
    : `${number}-${record.step}-${record.record}.json`;
}
