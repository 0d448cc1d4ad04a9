import type { Entry } from "../../ledger/entries.ts";
import { shorten } from "../../postgres/backup/dump-rights.ts";
import { showBytes } from "../../postgres/backup/dump-space.ts";
import { notProvenOf } from "../../postgres/backup/left-out.ts";

/** One thing that go or no-go rests on: what was asked for, what is there. */
export interface Finding {
  /** Step that found it, by its name in the phase. */
  step: string;
  limit: string;
  value: string;
  go: boolean;
  /** What to do about it; only of a finding that holds. */
  remedy?: string;
}

/** A result as the evidence keeps it: of whatever release wrote it, so that a field may be missing. */
type Result = Record<string, unknown>;

/** Judges the result of one kind of step. `of` finds the result of another kind in the same phase. */
type Judge = (step: string, result: Result, of: (kind: string) => Result | undefined) => Finding[];

export const showCount = (value: unknown): string =>
  typeof value === "number" ? value.toLocaleString("en-US") : "not recorded";

const REDO = "Run `rollout up` at phase 0 again.";

function finding(step: string, go: boolean, limit: string, value: string, remedy = REDO): Finding {
  return { step, limit, value, go, ...(go ? {} : { remedy }) };
}

const judgeEnvironment: Judge = (step, { checked, warnings }) => [
  finding(
    step,
    typeof checked === "number" && checked > 0,
    "every dependency and the database there",
    `${showCount(checked)} checked, ${showCount(warnings)} with a warning`,
  ),
];

const judgeAudit: Judge = (step, { total, unmapped, healthScore, healthStatus }) => {
  const scored = typeof healthScore === "number" || (total === 0 && healthStatus === "empty");
  const score = typeof healthScore === "number" ? `${healthScore.toFixed(1)} % (${healthStatus})` : "no rows";
  return [
    finding(
      step,
      unmapped === 0,
      "0 unmapped rows",
      showCount(unmapped),
      "Add the spellings to change.normalise in the stack config, or correct the rows that the audit lists.",
    ),
    finding(step, scored, "a health score", scored ? score : "none computed"),
  ];
};

const judgeSuite: Judge = (step, { ran, passed, failed }) => [
  finding(
    step,
    typeof ran === "number" && ran > 0,
    "a whole run without unexpected failures",
    `${showCount(passed)} of ${showCount(ran)} passed, ${showCount(failed)} failed as known`,
  ),
];

const judgeSnapshot: Judge = (step, { total_deals, success_count, error_count }) => [
  finding(
    step,
    error_count === 0 && total_deals === success_count,
    "0 deals without outputs",
    `${showCount(error_count)} errors, ${showCount(success_count)} of ${showCount(total_deals)} captured`,
    `Mend the deals that the snapshot's summary lists. ${REDO}`,
  ),
];

const judgeBackup: Judge = (step, { path, bytes, rows, takenAt }) => {
  const whole = typeof path === "string" && typeof bytes === "number" && bytes > 0;
  const size = typeof bytes === "number" ? showBytes(bytes) : "no size";
  return [
    finding(
      step,
      whole,
      "a backup, read back",
      whole ? `${showCount(rows)} rows, ${size}, as of ${takenAt}` : "none",
    ),
  ];
};

const shortHash = (hash: unknown) => (typeof hash === "string" ? hash.slice(0, 12) : "none");

const judgeProof: Judge = (step, result, of) => {
  const { sha256, provenAt, rows } = result;
  const wanted = of("backup")?.sha256;
  const proven = typeof provenAt === "string" && sha256 === wanted;
  const open = notProvenOf(result);
  const but = open.length > 0 ? `; not proven, left out: ${shorten(open.map(({ object }) => object))}` : "";
  const value = `${shortHash(sha256)}, ${showCount(rows)} rows equal, ${provenAt ?? "not proven"}${but}`;
  return [finding(step, proven, `backup ${shortHash(wanted)} restored and compared`, value)];
};

const JUDGES: Record<string, Judge> = {
  "environment-check": judgeEnvironment,
  "data-audit": judgeAudit,
  "test-suite": judgeSuite,
  "output-snapshot": judgeSnapshot,
  backup: judgeBackup,
  "restore-proof": judgeProof,
};

/**
 * What each step of a phase found, with its limit. A step that is not done is a finding too, and one that holds.
 * @param entries of the phase, by the step's name.
 */
export function judgeSteps(steps: string[], entries: ReadonlyMap<string, Entry>): Finding[] {
  const of = (kind: string) =>
    [...entries.values()].find((entry) => entry.kind === kind && entry.state === "done")?.result;
  return steps.flatMap((step) => {
    const entry = entries.get(step);
    if (entry?.state !== "done") {
      return [finding(step, false, "it done in this attempt", entry?.state ?? "never run")];
    }
    const judge = Object.hasOwn(JUDGES, entry.kind) ? JUDGES[entry.kind] : undefined;
    return judge?.(step, entry.result ?? {}, of) ?? [finding(step, true, "it done in this attempt", "done")];
  });
}

/** A finding that holds, as one complete line. */
export function describeHold({ step, limit, value, remedy }: Finding): string {
  return `no-go: ${step}: expected ${limit}, got ${value}. ${remedy}`;
}
