import type { Client } from "pg";
import type { z } from "zod";
import { ContractSection } from "../config/contract.ts";
import { StepError } from "../errors/step-error.ts";
import type { LeftThing } from "../ledger/left.ts";
import {
  type ChangeRecord,
  readOwnRecord,
  requireChangeRecord,
} from "../postgres/migration/change-record.ts";
import { judgeDefaults } from "../postgres/migration/column-default.ts";
import { dropNormaliser, NormaliserDiffers, restoreNormaliser } from "../postgres/migration/contract.ts";
import { readContract } from "../postgres/migration/contract-record.ts";
import type { TableWork } from "../postgres/migration/expand.ts";
import { ensureLeftTable, forgetLeftStep } from "../postgres/migration/left-record.ts";
import type { NegativeWrite } from "../postgres/migration/negative-writes.ts";
import { type OldStyleWrites, readOldStyleWrites } from "../postgres/migration/old-style-writes.ts";
import { missingRights } from "../postgres/migration/rights.ts";
import { NORMALISER, readTriggers } from "../postgres/migration/triggers.ts";
import { tableWork } from "../postgres/migration/undo-change.ts";
import { findLostTarget, undoObject } from "../postgres/migration/undo-objects.ts";
import { withConnection } from "../postgres/session.ts";
import { ChangeStepSpec } from "./migration/change-spec.ts";
import { constraintBlockers, quietBlockers, showLastWrite } from "./migration/contract-readiness.ts";
import { isUnreadable } from "./migration/target-rights.ts";
import { type Drift, defineStep, HOUR, type Observation, type StepDeps, type UndoResult } from "./step.ts";

export const ContractSpec = ChangeStepSpec.extend({
  quietSeconds: ContractSection.shape.quietSeconds.unwrap(),
});
export type ContractSpec = z.infer<typeof ContractSpec>;

export interface ContractResult {
  /** Since when the normaliser is off, by the database's clock; UTC, ISO 8601. */
  since: string;
  /** What was known of old-style writes when it was taken off; null when it was off before. */
  oldStyleWrites: OldStyleWrites | null;
  /** Old-style writes that were tried and refused; null when none could be, or were before. */
  trials: NegativeWrite[] | null;
}

async function driftOf(client: Client, { change }: ContractSpec): Promise<Drift[]> {
  const expected = `the normaliser off ${change.table}`;
  const stands = (await readTriggers(client, change))[NORMALISER] !== undefined;
  const owned = (await readContract(client)) !== undefined;
  if (stands) return [{ expected, observed: owned ? "it was put back by hand" : "it stands" }];
  return owned ? [] : [{ expected, observed: "none there, and none that this step took off" }];
}

/** Everything that would make `apply` stop before its first change. */
async function blockersOf(client: Client, spec: ContractSpec): Promise<string[]> {
  return [
    ...(await missingRights(client, spec.change, { stamps: false })).toWrite,
    ...(await constraintBlockers(client, spec.change)),
    ...quietBlockers(spec, await readOldStyleWrites(client, spec.quietSeconds)),
    ...(await judgeDefaults(client, spec.change)).oldStyle,
  ];
}

async function observe(spec: ContractSpec, deps: StepDeps): Promise<Observation> {
  return withConnection(deps, async (client) => {
    const { change, migration, quietSeconds } = spec;
    // What is wrong with the target itself is the expand step's to say.
    if (await isUnreadable(client, spec)) return { drift: [], plan: [], undo: [], blockers: [] };
    const { record, foreign } = await readOwnRecord(client, spec.identity.stack, change);
    const undo = [`puts the normaliser back on ${change.table} first: SHARE ROW EXCLUSIVE for milliseconds`];
    const drift = await driftOf(client, spec);
    // Without a journal there is nothing to judge by: expand's drift says so, and this step would refuse.
    if (!record) {
      const observed = foreign ? "another rollout" : "no journal";
      const none = { expected: `the journal of ${change.table}`, observed };
      return { drift: [none], plan: [], undo: [], blockers: foreign ? [foreign] : [] };
    }
    if (drift.length === 0) return { drift, plan: [], undo, blockers: [] };
    const writes = await readOldStyleWrites(client, quietSeconds);
    const plan = [
      showLastWrite(writes),
      `DROP TRIGGER normaliser on ${change.table}: ACCESS EXCLUSIVE for milliseconds, gives way after ${migration.lockTimeoutMs} ms and tries again; tracker and journal stay for the undo`,
      "tries old-style writes, which CHECK and NOT NULL have to refuse, and rolls them back: else the normaliser stays",
    ];
    return { drift, plan, undo, blockers: await blockersOf(client, spec), estimateSeconds: 1 };
  });
}

function refuse(blockers: string[]): void {
  if (blockers.length > 0)
    throw new StepError(`contract: nothing was changed.\n  - ${blockers.join("\n  - ")}`);
}

async function takeOff(client: Client, spec: ContractSpec, deps: StepDeps) {
  refuse(await blockersOf(client, spec));
  let writes: OldStyleWrites | undefined;
  const trials = await dropNormaliser(tableWork(spec, deps, client), async () => {
    // No writer is under way now: what none had committed before, nobody can bring in any more.
    refuse(await blockersOf(client, spec));
    writes = await readOldStyleWrites(client, spec.quietSeconds);
  });
  if (!trials) deps.log(`contract: ${spec.change.table} is empty, so no old-style write was tried`);
  return { oldStyleWrites: writes ?? null, trials: trials ?? null };
}

async function apply(spec: ContractSpec, deps: StepDeps): Promise<ContractResult> {
  return withConnection(deps, async (client) => {
    await requireChangeRecord(client, spec.identity.stack, spec.change);
    await ensureLeftTable(client, deps.lease);
    // It is to be off again: an undo that could not put it back has left nothing.
    await forgetLeftStep({ client, lease: deps.lease }, "contract");
    const off = (await driftOf(client, spec)).length === 0;
    const done = off ? { oldStyleWrites: null, trials: null } : await takeOff(client, spec, deps);
    const [left] = await driftOf(client, spec);
    const since = (await readContract(client))?.since;
    if (left || since === undefined) {
      const { expected, observed } = left ?? { expected: "the contract's record", observed: "none" };
      throw new StepError(
        `contract: expected ${expected}, got: ${observed}. Run again; is someone else changing it?`,
      );
    }
    const { table } = spec.change;
    const refused = done.trials ? `; ${done.trials.length} old-style writes were tried, and refused` : "";
    deps.log(`contract: the normaliser is off ${table} since ${since}${refused}`);
    return { since, ...done };
  });
}

async function undo(spec: ContractSpec, deps: StepDeps): Promise<UndoResult> {
  return withConnection(deps, async (client) => {
    const { record, foreign } = await readOwnRecord(client, spec.identity.stack, spec.change);
    if (foreign) return { summary: foreign, kept: [] };
    if (!record) return { summary: "nothing to put back: schema rollout holds no change", kept: [] };
    const since = (await readContract(client))?.since;
    if (since === undefined)
      return { summary: "nothing to put back: the normaliser was not taken off", kept: [] };
    const left = await putBack(tableWork(spec, deps, client), record);
    if (left) return { summary: `LEFT off: ${left.subject}`, kept: [], left: [left] };
    const summary = `put the normaliser back on ${spec.change.table} (it was off since ${since})`;
    return { summary, kept: [], left: [] };
  });
}

/** Nothing else waits for the normaliser: where it cannot be had, old-style writes are refused, and it is said loudly. */
async function putBack(work: TableWork, record: ChangeRecord): Promise<LeftThing | undefined> {
  const { client, change, lease } = work;
  await ensureLeftTable(client, lease);
  const subject = `the normaliser on ${change.table}, without which old-style writes are refused`;
  return undoObject(work, { step: "contract", subject }, async () => {
    const lost = await findLostTarget(client, change);
    if (lost) return lost;
    try {
      await restoreNormaliser(work, record);
      return undefined;
    } catch (error) {
      if (!(error instanceof NormaliserDiffers)) throw error;
      const reason = "it would not be the trigger that expand made";
      return {
        code: "42P17",
        obstacle: null,
        reason,
        remedy: "Take back what was changed of table or column.",
      };
    }
  });
}

/**
 * Takes the normaliser off once nobody has needed it for long enough: from then on CHECK and NOT NULL refuse old-style
 * writes. Its undo puts it back first, so that older code can write again before it runs.
 */
export const contract = defineStep({
  name: "contract",
  spec: ContractSpec,
  lease: true,
  deadlineSeconds: HOUR,
  observe,
  apply,
  undo,
});
