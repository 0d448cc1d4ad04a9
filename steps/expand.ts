import type { Client } from "pg";
import { z } from "zod";
import { StepError } from "../errors/step-error.ts";
import { unmappedBlockers } from "../postgres/migration/change-plan.ts";
import { foreignChange, readChangeRecord, readOwnRecord } from "../postgres/migration/change-record.ts";
import { judgeDefaults } from "../postgres/migration/column-default.ts";
import { countRows, type RowCounts } from "../postgres/migration/counts.ts";
import { encodingBlockers } from "../postgres/migration/encoding.ts";
import { restoreSeconds, showRows } from "../postgres/migration/estimate.ts";
import {
  installTriggers,
  removeAllButTracker,
  removeTriggers,
  type TableWork,
  triggerDrift,
} from "../postgres/migration/expand.ts";
import { forgetLeftStep, leftBlocker, markUndone, readLeft } from "../postgres/migration/left-record.ts";
import { updateBlockers } from "../postgres/migration/publications.ts";
import { countOriginals, keepJournal, removeRollout } from "../postgres/migration/remove-rollout.ts";
import { judgeRisks } from "../postgres/migration/risks.ts";
import { judgeRules } from "../postgres/migration/rule-judgement.ts";
import { tryRules } from "../postgres/migration/rule-trial.ts";
import { readTargetFacts, type TargetFacts } from "../postgres/migration/target-facts.ts";
import { type Findings, judgeTarget } from "../postgres/migration/target-findings.ts";
import { restoreChange, tableWork } from "../postgres/migration/undo-change.ts";
import { undoObject } from "../postgres/migration/undo-objects.ts";
import { withConnection, withConnections } from "../postgres/session.ts";
import { inTransaction } from "../postgres/transaction.ts";
import { ChangeStepSpec } from "./migration/change-spec.ts";
import { rightsOf, unreadable } from "./migration/target-rights.ts";
import { expectApply } from "./rehearsal/rehearsed.ts";
import { defineStep, HOUR, type Observation, type StepDeps, type UndoResult } from "./step.ts";

export const ExpandSpec = ChangeStepSpec;
export type ExpandSpec = ChangeStepSpec;

export interface ExpandResult {
  /** Rows before the first change. */
  rows: RowCounts;
  triggers: string[];
  /** Trial writes that went through with the triggers in place: "insert as app". */
  trials: string[];
  /** Role without login that owns the trigger functions. */
  ownerRole: string;
  /** The column's own default and NOT NULL, which stay as they are here. */
  columnDefault: string | null;
  notNullBefore: boolean;
}

/** What is read again of it. */
const ExpandRecord = z.object({ trials: z.array(z.string()) });

interface Judgement extends Findings {
  facts: TargetFacts;
}

/** Everything that would make `apply` stop before its first change. */
async function judge(client: Client, spec: ExpandSpec): Promise<Judgement> {
  const { change, migration, identity } = spec;
  const { toRead, toWrite } = await rightsOf(client, spec);
  const facts = await readTargetFacts(client, change);
  const record = await readChangeRecord(client);
  const { blockers, notes } = judgeTarget(facts, change, migration, { made: record !== undefined });
  const foreign = foreignChange(record, identity.stack, change);
  const left = foreign ? undefined : await leftBlocker(client, change, identity.stack);
  const all = [...(foreign ? [foreign] : []), ...(left ? [left] : []), ...blockers, ...toRead, ...toWrite];
  // Rows are read only where they can be.
  if (all.length === 0)
    all.push(...(await updateBlockers(client, change)), ...(await encodingBlockers(client, change)));
  if (all.length === 0) all.push(...(await unmappedBlockers(client, change)));
  // What has been changed by us is judged by the table's rules already.
  if (all.length > 0 || record) return { facts, notes, blockers: all };
  const trials = await tryRules(client, change);
  const defaults = await judgeDefaults(client, change);
  const uncertain = [...trials.unknown, ...(await judgeRules(client, change)), ...defaults.risks];
  const risks = judgeRisks(uncertain, migration.accept);
  return {
    facts,
    notes: [...notes, ...trials.notes, ...defaults.notes, ...risks.notes],
    blockers: [...trials.blockers, ...risks.blockers],
  };
}

/** Rows that the undo has to give back itself: a migration that is not undone comes first, and gives all of them back. */
async function rowsToRestore(client: Client, { identity }: ExpandSpec, deps: StepDeps): Promise<number> {
  const migrated = [...deps.evidence.entries().values()].some(
    ({ phase, kind, state }) => phase === identity.phase && kind === "migration" && state !== "undone",
  );
  return !migrated && (await readChangeRecord(client)) ? countOriginals(client) : 0;
}

async function observe(spec: ExpandSpec, deps: StepDeps): Promise<Observation> {
  return withConnection(deps, async (client) => {
    const { table, column } = spec.change;
    const refusal = await unreadable(client, spec, { stamps: false });
    if (refusal) return refusal;
    const { foreign } = await readOwnRecord(client, spec.identity.stack, spec.change);
    const drift = foreign
      ? [
          {
            expected: `normaliser and tracker of ${spec.identity.stack} on ${table}`,
            observed: "another rollout",
          },
        ]
      : await triggerDrift(client, spec.change);
    const rows = await rowsToRestore(client, spec, deps);
    const undo = [
      `removes normaliser and tracker from ${table} (ACCESS EXCLUSIVE), exports the journal to the evidence, drops schema rollout` +
        (rows > 0 ? `; ${showRows(rows)} not yet restored come first, about ${restoreSeconds(rows)} s` : ""),
    ];
    if (drift.length === 0) return { drift, plan: [], undo, blockers: [] };
    const { blockers, notes, facts } = await judge(client, spec);
    const estimatedRows = facts.table?.estimatedRows ?? 0;
    const { locks, ...expected } = expectApply("expand", spec, deps.evidence, {
      rows: estimatedRows,
      constant: 1,
    });
    const lock = `gives way after ${spec.migration.lockTimeoutMs} ms and tries again`;
    const plan = [
      `creates schema rollout (lease, journal, tracker) and a role without login; no lock on ${table}`,
      `CREATE TRIGGER normaliser BEFORE INSERT OR UPDATE OF ${column} and 5 tracker triggers on ${table}: SHARE ROW EXCLUSIVE for milliseconds, ${lock}`,
      ...locks,
      ...notes.map((note) => `note: ${note}`),
    ];
    return { drift, plan, undo, blockers, ...expected };
  });
}

const refused = (blockers: readonly string[]) =>
  new StepError(`expand: nothing was changed.\n  - ${blockers.join("\n  - ")}`);

async function apply(spec: ExpandSpec, deps: StepDeps): Promise<ExpandResult> {
  return withConnection(deps, async (client) => {
    const refusal = await unreadable(client, spec, { stamps: false });
    if (refusal) throw refused(refusal.blockers);
    const { facts, blockers } = await judge(client, spec);
    if (blockers.length > 0) throw refused(blockers);
    const rows = await countRows(client, spec.change);
    const drift = await triggerDrift(client, spec.change);
    const trials = drift.length > 0 ? await installTriggers(tableWork(spec, deps, client), facts, rows) : [];
    const [left] = await triggerDrift(client, spec.change);
    if (left) {
      throw new StepError(
        `expand: expected ${left.expected}, got ${left.observed}. Run again; is someone else changing it?`,
      );
    }
    const record = await readChangeRecord(client);
    const tried = trials.length > 0 ? `; tried and rolled back: ${trials.join(", ")}` : "";
    deps.log(`expand: normaliser and tracker are on ${spec.change.table}${tried}`);
    return {
      rows,
      triggers: Object.keys(record?.triggers ?? {}),
      trials,
      ownerRole: facts.ownerRole.name,
      columnDefault: facts.column?.default ?? null,
      notNullBefore: record?.notNullBefore ?? false,
    };
  });
}

/** What is left needs journal and tracker: they stay, and so does all that is known of it. */
async function endWithLeft(
  work: TableWork,
  restored: UndoResult,
  save: StepDeps["saveArtifact"],
): Promise<UndoResult> {
  const { client, lease, change } = work;
  await inTransaction(client, { lease }, () => markUndone(client));
  const { artifact, lines } = await keepJournal(work, save);
  return {
    ...restored,
    left: await readLeft(client, change),
    summary: `${restored.summary}; tracker and journal stay for what is left, exported to ${artifact} (${lines} lines)`,
    journal: artifact,
  };
}

/** Triggers off: all of them, or all but the tracker where something is left. @returns whether nothing is left. */
async function endTriggers(work: TableWork): Promise<boolean> {
  const { client, change } = work;
  // The normaliser goes either way: that it could not be put back is nobody's concern any more.
  await forgetLeftStep(work, "contract");
  const others = (await readLeft(client, change)).filter(({ step }) => step !== "expand");
  const subject = `triggers of the rollout on ${change.table}`;
  const left = await undoObject(work, { step: "expand", subject }, async () => {
    await (others.length > 0 ? removeAllButTracker(work) : removeTriggers(work));
    return undefined;
  });
  return !left && others.length === 0;
}

async function undo(spec: ExpandSpec, deps: StepDeps): Promise<UndoResult> {
  return withConnections(deps, spec.migration.connections, async (clients) => {
    const client = clients[0] as Client;
    const work = tableWork(spec, deps, client);
    const { record, foreign } = await readOwnRecord(client, spec.identity.stack, spec.change);
    if (foreign) return { summary: foreign, kept: [] };
    if (!record) {
      await removeTriggers(work);
      return { summary: "nothing to undo: schema rollout holds no change", kept: [] };
    }
    // The migration's undo has done this already; old-style writes seen before any backfill are restored here.
    const restored = await restoreChange(spec, deps, clients, record);
    if (!(await endTriggers(work))) return endWithLeft(work, restored, deps.saveArtifact);
    const { artifact, lines, role } = await removeRollout(work, record, deps.saveArtifact);
    const stays = role ? [{ subject: `role ${record.ownerRole}`, reason: `stays: ${role.reason}` }] : [];
    return {
      ...restored,
      kept: [...restored.kept, ...stays],
      left: [],
      summary: `removed normaliser and tracker, ${restored.summary}, journal exported to ${artifact} (${lines} lines)`,
      journal: artifact,
    };
  });
}

/** Puts normaliser and tracker on the table, so that old-style writes go on working and nothing is forgotten. */
export const expand = defineStep({
  name: "expand",
  spec: ExpandSpec,
  result: ExpandRecord,
  lease: true,
  deadlineSeconds: HOUR,
  observe,
  apply,
  undo,
});
