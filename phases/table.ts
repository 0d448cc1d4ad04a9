import { phaseNames } from "../config/phase.ts";
import type { RolloutConfig } from "../config/schema.ts";
import type { BaseSpec, Step } from "../steps/step.ts";

/** A step at its place in a phase. */
export interface PhaseRow {
  /** Unique within its phase: "fresh-backup". */
  readonly name: string;
  readonly step: Step;
  /** Why it stands there, one sentence. The docs show it. */
  readonly why: string;
  /** Longest run time: the step's own unless the row gives another. */
  readonly deadlineSeconds: number;
  /** Its spec holds the flag (`value` or `basis.flag`): it alone runs again when only the flag is changed. */
  readonly followsFlag: boolean;
  /** A row above, in the same phase. This one is about its outcome, so it is done again whenever that one is. */
  readonly follows?: PhaseRow;
  /** The whole spec as the configuration wants it. `earlier` are the rows above in the same phase. Pure. */
  planSpec(config: RolloutConfig, base: BaseSpec, earlier: readonly PhaseRow[]): BaseSpec;
}

/** What a step is given by its phase: its spec without what every spec carries. */
type ArgsOf<Input> = Input extends unknown ? Omit<Input, keyof BaseSpec> : never;

interface RowDetails<Input> extends Partial<Pick<PhaseRow, "name" | "deadlineSeconds" | "followsFlag">> {
  why: string;
  follows?: PhaseRow;
  args: (config: RolloutConfig, earlier: readonly PhaseRow[]) => ArgsOf<Input>;
}

/** Puts a step into a phase. The compiler checks its arguments against the step's spec. */
export function row<Spec extends BaseSpec, Input>(
  step: Step<Spec, object, Input>,
  { args, ...details }: RowDetails<Input>,
): PhaseRow {
  return {
    ...{ name: step.name, deadlineSeconds: step.deadlineSeconds, followsFlag: false, ...details, step },
    planSpec: (config, base, earlier) => step.spec.parse({ ...base, ...args(config, earlier) }),
  };
}

/** A phase of the rollout: the only place where the order and the arguments of its steps stand. */
export interface PhaseTable {
  readonly name: (typeof phaseNames)[number];
  /** What it brings, one or two sentences. */
  readonly brings: string;
  /** Sections of the runbook. */
  readonly runbook: string;
  readonly rows: readonly PhaseRow[];
}

/** @throws {Error} for two rows of one name, and for a row that follows one that does not stand above it. */
export function definePhase(phase: PhaseTable): PhaseTable & { readonly number: number } {
  const above: PhaseRow[] = [];
  for (const each of phase.rows) {
    const taken = above.some(({ name }) => name === each.name);
    if (taken) throw new Error(`phases: ${phase.name} has two rows named ${each.name}.`);
    if (each.follows && !above.includes(each.follows))
      throw new Error(
        `phases: ${phase.name}/${each.name} follows ${each.follows.name}, which must stand above it.`,
      );
    above.push(each);
  }
  return { ...phase, number: phaseNames.indexOf(phase.name) };
}

/** Where the evidence has the step of that row. */
export function placeOf({ name, rows }: PhaseTable, wanted: PhaseRow): { phase: string; step: string } {
  if (!rows.includes(wanted)) throw new Error(`phases: ${name} has no row ${wanted.name}.`);
  return { phase: name, step: wanted.name };
}
