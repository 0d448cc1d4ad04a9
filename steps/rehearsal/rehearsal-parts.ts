import { tellError } from "../../errors/report-error.ts";
import { StepError } from "../../errors/step-error.ts";
import { noHosts } from "../../hosts/host-shell.ts";
import { evidenceOf } from "../../ledger/entries.ts";
import { connect } from "../../postgres/connect.ts";
import { tableName } from "../../postgres/migration/change-sql.ts";
import { watchWriterWaits } from "../../postgres/migration/writer-wait.ts";
import { type HeldLock, LockRecord } from "../../postgres/sql/lock-record.ts";
import { constraint } from "../constraint.ts";
import { expand } from "../expand.ts";
import type { ChangeStepSpec } from "../migration/change-spec.ts";
import { migration } from "../migration.ts";
import { type RecordingStep, resultOf } from "../recorded.ts";
import type { BaseSpec, Step, StepDeps, UndoResult } from "../step.ts";
import { TargetGuard } from "../target-guard.ts";
import { verification } from "../verification.ts";

/** One step done or undone on the copy. */
export interface RehearsedPart {
  step: string;
  verb: "apply" | "undo";
  /** 1 = the first time forward and the way back, 2 = forward again. */
  round: 1 | 2;
  seconds: number;
  /** Locks on the table, strongest first. */
  locks: HeldLock[];
  /** How long a writer waited for the table at the most, milliseconds. */
  writerWaitMs: number;
}

/** The steps of phase 1 that change the table or prove it, in order. */
const STEPS: Step[] = [expand, migration, constraint, verification];

/** The application runs on the database itself: its health says nothing of the copy. */
const fieldsOf = (step: Step, { change, migration, ...base }: ChangeStepSpec) => ({
  ...{ ...base, identity: { ...base.identity, step: step.name }, change },
  ...(step.name === verification.name ? {} : { migration }),
});

/** What `Rehearsal` needs of a copy. */
export interface RehearsalStage {
  /** Connection string of the role that owns the copy. */
  url: string;
  /** Of the steps, but for `identity.step`. */
  spec: ChangeStepSpec;
  deps: StepDeps;
}

/** Goes forward and back on a copy by the very steps that do it in earnest, and measures each. */
export class RehearsalRun {
  readonly parts: RehearsedPart[] = [];
  readonly #stage: RehearsalStage;
  readonly #results = new Map<string, object>();

  constructor(stage: RehearsalStage) {
    this.#stage = stage;
  }

  /** What is read of a step's last `apply`. @throws {Error} before there was one. */
  resultOf<Recorded extends object>(step: RecordingStep<Recorded> & Pick<Step, "name">): Recorded {
    const read = resultOf(step, { result: { ...this.#results.get(step.name) } });
    if (read) return read;
    throw new Error(`rehearsal: ${step.name} has no result yet`);
  }

  /**
   * Applies the steps in order, verification last.
   * @param after called after each step, when no connection to the copy is open.
   * @throws {StepError} with the reasons for which a step would refuse, or fails.
   */
  async forward(round: 1 | 2, after: (step: string) => Promise<void> = async () => {}): Promise<void> {
    for (const step of STEPS) {
      await this.#refuseBlocked(step);
      const result = await this.#part(step, "apply", round, (deps, spec) => step.apply(spec, deps));
      this.#results.set(step.name, result);
      await after(step.name);
    }
  }

  /** Undoes them in reverse. @returns what the undo of each says that it kept. */
  async back(): Promise<UndoResult["kept"]> {
    const kept: UndoResult["kept"] = [];
    for (const step of [...STEPS].reverse()) {
      const result = this.#results.get(step.name);
      const undone = await this.#part(step, "undo", 1, (deps, spec) => step.undo(spec, deps, result));
      kept.push(...undone.kept);
    }
    return kept;
  }

  async #refuseBlocked(step: Step): Promise<void> {
    const { blockers } = await step.observe(this.#specOf(step), this.#deps(this.#record()));
    if (blockers.length === 0) return;
    throw new StepError(`rehearsal: ${step.name} would not start.\n  - ${blockers.join("\n  - ")}`);
  }

  #record(): LockRecord {
    return new LockRecord(tableName(this.#stage.spec.change));
  }

  #specOf(step: Step): BaseSpec {
    return step.spec.parse(fieldsOf(step, this.#stage.spec));
  }

  /** Everything that a step reaches through these is the copy; what it would keep is not kept. */
  #deps(record: LockRecord): StepDeps {
    const { url, deps } = this.#stage;
    return {
      log: (line) => deps.log(`  ${line}`),
      now: deps.now,
      signal: deps.signal,
      connect: async () => record.watch(await connect(url)),
      databaseUrl: () => url,
      saveArtifact: async (name) => name,
      evidence: evidenceOf([]),
      shell: noHosts,
    };
  }

  async #part<T>(
    step: Step,
    verb: "apply" | "undo",
    round: 1 | 2,
    work: (deps: StepDeps, spec: BaseSpec) => Promise<T>,
  ): Promise<T> {
    const { deps, url, spec } = this.#stage;
    deps.signal.throwIfAborted();
    deps.log(`rehearsal: ${verb} ${step.name}${round === 2 ? " again" : ""}`);
    const record = this.#record();
    const watcher = await connect(url);
    const waits = watchWriterWaits(watcher, tableName(spec.change));
    try {
      const started = performance.now();
      const guard = new TargetGuard(spec.identity.stack, undefined);
      const result = await guard.withLease(step, this.#deps(record), (held) =>
        work(held, this.#specOf(step)),
      );
      const seconds = Math.round(performance.now() - started) / 1000;
      const writerWaitMs = await waits.stop();
      this.parts.push({ step: step.name, verb, round, seconds, locks: record.locks, writerWaitMs });
      return result;
    } catch (error) {
      throw explain(error, step.name, verb, deps);
    } finally {
      await waits.stop().catch(() => undefined);
      await watcher.end().catch(() => undefined);
    }
  }
}

/** The step's own words, and where it was: nothing of it has touched the database itself. */
function explain(error: unknown, step: string, verb: string, { signal }: StepDeps): unknown {
  if (signal.aborted) return signal.reason;
  const message = tellError(error);
  return new StepError(
    `rehearsal: expected ${verb} of ${step} to go through on the restored copy, got: ${message}\n` +
      "The database itself was not touched. Mend the cause, then run `rollout up` again.",
    { cause: error },
  );
}
