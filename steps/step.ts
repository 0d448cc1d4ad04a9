import type { Client } from "pg";
import { z } from "zod";
import type { HostShell } from "../hosts/host-shell.ts";
import type { EvidenceReader } from "../ledger/entries.ts";
import type { LeftThing } from "../ledger/left.ts";
import type { MailSecrets } from "../mail/secrets.ts";

/** Which step of which rollout a spec belongs to. Part of every spec, so that an undo needs nothing else. */
export const StepIdentity = z.strictObject({
  /** Pulumi stack, the name of the evidence folder as well. */
  stack: z.string().min(1),
  phase: z.string().min(1),
  /** Name of the step within its phase, unique there ("fresh-backup"). The kind of step is `Step.name`. */
  step: z.string().min(1),
  /** Where the evidence chain lies: `file:<path>`, relative paths resolve against the project's root. */
  evidenceUrl: z.string().regex(/^file:/),
});
export type StepIdentity = z.infer<typeof StepIdentity>;

/** What every spec carries beside its own fields. Secrets and connections are never part of a spec. */
export const BaseSpec = z.strictObject({
  /** Version of the spec's shape: a newer release of this program can still undo an older spec. */
  specVersion: z.literal(1),
  identity: StepIdentity,
  /** Rises by one whenever the step is to run again, so that the engine sees an update. Starts at 1. */
  generation: z.int().min(1),
  /** Seconds until the step is ended with its children. */
  deadlineSeconds: z.int().min(1),
});
export type BaseSpec = z.infer<typeof BaseSpec>;

/** A way in which reality differs from what a finished step left behind. */
export interface Drift {
  /** What the step left, e.g. `constraint valid_deal_type validated`. */
  expected: string;
  /** What is there now, e.g. `no constraint of that name`. */
  observed: string;
}

/** What a step sees without touching anything. All texts are single lines a person reads in preview. */
export interface Observation {
  /** Empty when what `apply` would leave is true now. Asked of finished steps only. */
  drift: Drift[];
  /** What `apply` would do now: rows, SQL with the lock each statement takes. Empty = nothing. */
  plan: string[];
  /** What `undo` would do now, and what it could not restore. */
  undo: string[];
  /** Reasons for which `apply` would refuse, each complete with remedy. Empty = it can go. */
  blockers: string[];
  /**
   * Reasons of a finished step for which the gate of its phase is shut, each complete with remedy. Without a look at
   * it, those that its result has under the same name count.
   */
  gate?: string[];
  /** Expected run time of `apply` in seconds, when it can be told. */
  estimateSeconds?: number;
  /** How that is known, in words, where it can be known in several ways: "measured in rehearsal". */
  estimateSource?: string;
}

/** What `undo` did, and exactly what it could not restore. */
export interface UndoResult {
  /** One line a person reads: "restored 7,012 rows". */
  summary: string;
  /** Rows or things that are a user's by now, with the reason, keys and values of the change's column only. */
  kept: { subject: string; reason: string }[];
  /** What was refused and stays as it is, until it is tried again or accepted (`rollout undo --left`). */
  left?: LeftThing[];
  [detail: string]: unknown;
}

/** Everything from outside. Tests put their own in. */
export interface StepDeps {
  /** One short progress line for the person who watches; at most 8 KiB, never a secret. */
  log(line: string): void;
  now(): Date;
  /** Aborted on cancel or deadline: finish the batch in hand, then `signal.throwIfAborted()`. */
  signal: AbortSignal;
  /** A new direct connection to the target database; the caller ends it. Throws when none is configured. */
  connect(): Promise<Client>;
  /** The connection string, for programs such as pg_dump (hand it over in the environment, never in argv). */
  databaseUrl(): string;
  /** Stores a file beside the evidence records (mode 0600); returns its path relative to the evidence folder. */
  saveArtifact(name: string, content: string | Buffer): Promise<string>;
  /** What the evidence says of all steps. */
  evidence: EvidenceReader;
  /** What no spec of a step that sends mail may hold; absent for all others. */
  mail?: MailSecrets | undefined;
  /** Runs scripts on the target's hosts. */
  shell: HostShell;
  /** The lease on the database, held while a step with `lease: true` applies or undoes. */
  lease?: Lease;
}

/** Proof that this process is the one that may change the database (see postgres/lease.ts). */
export interface Lease {
  readonly token: string;
  /** First statement of every mutating transaction: throws `LeaseLost` when someone else took over. */
  fence(client: Client): Promise<void>;
}

/** Seconds, for deadlines. */
export const MINUTE = 60;
export const HOUR = 3600;

/**
 * One thing the rollout does. Knows nothing of Pulumi.
 * `Input` is the spec before it is parsed: defaults may be missing. `Recorded` is what is read again of a result that
 * this or an earlier release has recorded.
 */
export interface Step<
  Spec extends BaseSpec = BaseSpec,
  Result extends object = object,
  Input = unknown,
  Recorded extends object = object,
> {
  /** The kind of step, also its file's basename and its word on the command line. */
  readonly name: string;
  readonly spec: z.ZodType<Spec, Input>;
  /** What is read again of its result, by its undo, by other steps, for the stack's outputs. See recorded.ts. */
  readonly result?: z.ZodType<Recorded>;
  /** Longest run time, generous: it is there for what hangs. A row of a phase may give another one. */
  readonly deadlineSeconds: number;
  /** True for steps that change the target database: they run under its lease. */
  readonly lease: boolean;
  /** True for a step whose result restates those of the steps before it in its phase: it is done again with any of them. */
  readonly restates?: true;
  /** True for a step that sends mail: it alone is handed the mail's password and the addresses. */
  readonly sendsMail?: true;
  /** Read-only: what is true, what `apply` would do, which locks, how long. */
  observe(spec: Spec, deps: StepDeps): Promise<Observation>;
  /**
   * Why another run has overtaken this one since its spec was made. Asked under the evidence's lock, just before `apply`:
   * in preview, where the steps before it have still to run, it would be no fault.
   */
  overtaken?(spec: Spec, deps: StepDeps): string | undefined;
  /** Idempotent and resumable: look, act, verify. The result is kept as evidence and in Pulumi's state. */
  apply(spec: Spec, deps: StepDeps): Promise<Result>;
  /** Idempotent. `result` is what is recorded of the last `apply` that finished, absent if none did. */
  undo(spec: Spec, deps: StepDeps, result?: Recorded): Promise<UndoResult>;
}

const defined = new WeakSet<object>();

/** Declares a step. All types come from its schemas and from what its `apply` returns. */
export function defineStep<
  Spec extends BaseSpec,
  Result extends Recorded,
  Input,
  Recorded extends object = object,
>(step: Step<Spec, Result, Input, Recorded>): Step<Spec, Result, Input, Recorded> {
  defined.add(step);
  return step;
}

/** Whether a value of unknown origin was made by `defineStep`. */
export const isStep = (value: unknown): value is Step =>
  typeof value === "object" && value !== null && defined.has(value);
