import type { Client } from "pg";
import { z } from "zod";
import { StepError } from "../errors/step-error.ts";
import { foreignChange, readChangeRecord, readOwnRecord } from "../postgres/migration/change-record.ts";
import { outsideAllowed, quoteName, showValue, subjectOf } from "../postgres/migration/change-sql.ts";
import {
  addConstraint,
  type ConstraintState,
  constraintStatements,
  dropConstraint,
  readConstraint,
} from "../postgres/migration/constraint-ddl.ts";
import { listRows } from "../postgres/migration/counts.ts";
import { validateSeconds } from "../postgres/migration/estimate.ts";
import { ensureLeftTable } from "../postgres/migration/left-record.ts";
import { missingRights } from "../postgres/migration/rights.ts";
import { readTargetFacts } from "../postgres/migration/target-facts.ts";
import { tableWork } from "../postgres/migration/undo-change.ts";
import { withConnection } from "../postgres/session.ts";
import { sqlState } from "../postgres/transaction.ts";
import { ChangeStepSpec } from "./migration/change-spec.ts";
import { isDoneStopped } from "./migration/migration-plan.ts";
import { isUnreadable } from "./migration/target-rights.ts";
import { expectApply } from "./rehearsal/rehearsed.ts";
import { type Drift, defineStep, HOUR, type Observation, type StepDeps, type UndoResult } from "./step.ts";

export const ConstraintSpec = ChangeStepSpec;
export type ConstraintSpec = ChangeStepSpec;

export interface ConstraintResult {
  constraint: string;
  allowed: string[];
  validated: boolean;
  notNull: boolean;
  /** Whether the column was NOT NULL before the rollout; its undo leaves that alone then. */
  notNullBefore: boolean;
}

/** What is read again of it. */
const ConstraintRecord = z.object({ notNullBefore: z.boolean() });
type ConstraintRecord = z.infer<typeof ConstraintRecord>;

const ROWS_SHOWN = 20;

function driftOf(state: ConstraintState, { change }: ConstraintSpec): Drift[] {
  const check = { expected: `constraint ${change.constraint} validated` };
  return [
    ...(state.present ? [] : [{ ...check, observed: "no constraint of that name" }]),
    ...(state.present && !state.asWanted
      ? [{ ...check, observed: "a constraint with another definition" }]
      : []),
    ...(state.present && !state.validated ? [{ ...check, observed: "not validated" }] : []),
    ...(state.notNull ? [] : [{ expected: `${subjectOf(change)} NOT NULL`, observed: "it accepts NULL" }]),
    ...(state.helper ? [{ expected: "no helper check", observed: "helper check still there" }] : []),
  ];
}

function plan({ change, migration }: ConstraintSpec): string[] {
  const sql = constraintStatements(change);
  const exclusive = `ACCESS EXCLUSIVE for milliseconds, gives way after ${migration.lockTimeoutMs} ms`;
  return [
    `${sql.add([sql.check, "NOT NULL helper likewise"])}: ${exclusive}`,
    `VALIDATE both, one scan: SHARE UPDATE EXCLUSIVE, readers and writers go on`,
    `${sql.setNotNull}; then drops the helper: ${exclusive}`,
  ];
}

async function observe(spec: ConstraintSpec, deps: StepDeps): Promise<Observation> {
  return withConnection(deps, async (client) => {
    // What is wrong with the target itself is the expand step's to say.
    if (await isUnreadable(client, spec)) return { drift: [], plan: [], undo: [], blockers: [] };
    const facts = await readTargetFacts(client, spec.change);
    if (!facts.table || !facts.column) return { drift: [], plan: [], undo: [], blockers: [] };
    const state = await readConstraint(client, spec.change);
    const drift = driftOf(state, spec);
    const kept = (await readChangeRecord(client))?.notNullBefore ?? facts.column.notNull;
    const undo = [
      `drops CHECK ${spec.change.constraint}${kept ? "" : " and NOT NULL"}: ACCESS EXCLUSIVE for milliseconds`,
    ];
    if (drift.length === 0) return { drift, plan: [], undo, blockers: [] };
    const rows = facts.table.estimatedRows;
    const constant = validateSeconds(Math.max(0, rows));
    const { locks, ...expected } = expectApply("constraint", spec, deps.evidence, { rows, constant });
    const made = (await readChangeRecord(client))?.backfilled ?? false;
    const lines = isDoneStopped(spec, made)
      ? ["nothing but a look: the migration adds them as well"]
      : plan(spec);
    const begun = (await readChangeRecord(client)) !== undefined;
    const blockers = begun ? (await missingRights(client, spec.change, { stamps: false })).toWrite : [];
    return { drift, plan: [...lines, ...locks], undo, blockers, ...expected };
  });
}

/** Names the rows that the constraint refuses. */
async function explainViolation(client: Client, { change }: ConstraintSpec, cause: unknown): Promise<never> {
  const condition = outsideAllowed(change, quoteName(change.column));
  const rows = await listRows(client, change, condition, ROWS_SHOWN);
  const shown = rows.map(({ key, value }) => `${key}: ${showValue(value)}`).join(", ");
  throw new StepError(
    `constraint: expected every ${subjectOf(change)} to be one of ${change.allowed.join(", ")}, ` +
      `got (${change.key}: value) ${shown || "a row that is gone by now"}. ` +
      "The checks stay NOT VALID, so no further row can join them. Correct these rows and run again.",
    { cause },
  );
}

async function apply(spec: ConstraintSpec, deps: StepDeps): Promise<ConstraintResult> {
  return withConnection(deps, async (client) => {
    const { change } = spec;
    const record = await readChangeRecord(client);
    const foreign = foreignChange(record, spec.identity.stack, change);
    if (foreign) throw new StepError(`constraint: ${foreign}`);
    const before = await readConstraint(client, change);
    await addConstraint(tableWork(spec, deps, client)).catch((error: unknown) => {
      if (["23514", "23502"].includes(sqlState(error) ?? "")) return explainViolation(client, spec, error);
      throw error;
    });
    const state = await readConstraint(client, change);
    const [left] = driftOf(state, spec);
    if (left) {
      throw new StepError(
        `constraint: expected ${left.expected}, got ${left.observed}. Run again; is someone else changing it?`,
      );
    }
    const notNullBefore = record?.notNullBefore ?? before.notNull;
    deps.log(`constraint: CHECK ${change.constraint} is validated, ${change.column} is NOT NULL`);
    return {
      constraint: change.constraint,
      allowed: change.allowed,
      validated: true,
      notNull: true,
      notNullBefore,
    };
  });
}

async function undo(spec: ConstraintSpec, deps: StepDeps, result?: ConstraintRecord): Promise<UndoResult> {
  return withConnection(deps, async (client) => {
    const { record, foreign } = await readOwnRecord(client, spec.identity.stack, spec.change);
    if (foreign) return { summary: foreign, kept: [] };
    const known = record ?? result;
    // Neither the database nor the evidence knows of an expand: a constraint of that name is not ours to drop.
    if (!known) return { summary: "nothing to drop: the database knows of no rollout", kept: [] };
    const keepNotNull = known.notNullBefore;
    const work = tableWork(spec, deps, client);
    if (record) await ensureLeftTable(client, work.lease);
    const { dropped, left } = await dropConstraint(work, { keepNotNull });
    const kept = keepNotNull
      ? [{ subject: `${subjectOf(spec.change)} NOT NULL`, reason: "was there before the rollout" }]
      : [];
    if (left.length > 0)
      return { summary: `LEFT: ${left.map(({ subject }) => subject).join(", ")}`, kept, left };
    const summary =
      dropped.length === 0 ? "nothing to drop: CHECK and NOT NULL are off" : "dropped CHECK and NOT NULL";
    return { summary, kept, left };
  });
}

/** CHECK and NOT NULL, validated beside readers and writers. */
export const constraint = defineStep({
  name: "constraint",
  spec: ConstraintSpec,
  result: ConstraintRecord,
  lease: true,
  deadlineSeconds: 6 * HOUR,
  observe,
  apply,
  undo,
});
