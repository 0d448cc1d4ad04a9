import type { Client } from "pg";
import { readRevisions, stampBlocker, stampRevision } from "../postgres/alembic.ts";
import { backfill } from "../postgres/backfill.ts";
import { planLines, rowsToChange, unmappedBlockers } from "../postgres/change-plan.ts";
import { readChangeRecord, readOwnRecord, requireChangeRecord } from "../postgres/change-record.ts";
import { subjectOf } from "../postgres/change-sql.ts";
import { countRows, type RowCounts } from "../postgres/counts.ts";
import { backfillSeconds, restoreSeconds, showRows } from "../postgres/estimate.ts";
import { installTriggers, triggerDrift } from "../postgres/expand.ts";
import { unbuiltOptions } from "../postgres/migration-options.ts";
import { withConnection, withConnections } from "../postgres/session.ts";
import { readTargetFacts } from "../postgres/target-facts.ts";
import { restoreChange, tableWork } from "../postgres/undo-change.ts";
import { ChangeStepSpec } from "./change-spec.ts";
import { expectApply, expectRestore } from "./rehearsed.ts";
import {
  type Drift,
  type Observation,
  type Step,
  type StepDeps,
  StepError,
  type UndoResult,
} from "./step.ts";

export const MigrationSpec = ChangeStepSpec;
export type MigrationSpec = ChangeStepSpec;

export interface MigrationResult {
  /** Rows that this and earlier, interrupted runs changed and journalled. */
  changedRows: number;
  before: RowCounts;
  after: RowCounts;
  seconds: number;
  /** Revision stamped into alembic_version; null when there is no such table or none is configured. */
  alembicRevision: string | null;
}

async function stampDrift(client: Client, { change, migration }: MigrationSpec): Promise<Drift[]> {
  const revision = migration.alembicRevision;
  const now = revision === undefined ? undefined : await readRevisions(client, change);
  if (!now || now.includes(revision as string)) return [];
  return [
    { expected: `alembic_version ${revision}`, observed: `alembic_version ${now.join(", ") || "empty"}` },
  ];
}

async function readDrift(client: Client, spec: MigrationSpec, counts: RowCounts): Promise<Drift[]> {
  const record = await readChangeRecord(client);
  return [
    ...(record?.backfilled
      ? []
      : [{ expected: "a finished backfill", observed: record ? "an unfinished one" : "no journal" }]),
    ...(counts.invalid === 0
      ? []
      : [
          {
            expected: `no row of ${subjectOf(spec.change)} outside the allowed values`,
            observed: showRows(counts.invalid),
          },
        ]),
    ...(await stampDrift(client, spec)),
  ];
}

async function observe(spec: MigrationSpec, deps: StepDeps): Promise<Observation> {
  return withConnection(deps, async (client) => {
    const { change, migration } = spec;
    const facts = await readTargetFacts(client, change);
    // What is wrong with the target itself is the expand step's to say.
    if (!facts.table || !facts.column || !facts.key) return { drift: [], plan: [], undo: [], blockers: [] };
    const counts = await countRows(client, change);
    const drift = await readDrift(client, spec, counts);
    const rows = rowsToChange(counts, change);
    const undo = [undoLine(spec, await readJournal(client), rows, deps)];
    if (drift.length === 0) return { drift, plan: [], undo, blockers: [] };
    const blockers = unbuiltOptions(migration);
    blockers.push(...(await unmappedBlockers(client, change, counts)));
    const heads =
      migration.alembicRevision === undefined ? undefined : stampBlocker(await readRevisions(client, change));
    if (heads) blockers.push(heads);
    const constant = backfillSeconds(counts.total, rows);
    const { locks, ...expected } = expectApply("migration", spec, deps.evidence, {
      rows: counts.total,
      constant,
    });
    const lines = plan(spec, counts, rows, await stampDrift(client, spec));
    return { drift, plan: [...lines, ...locks], undo, blockers, ...expected };
  });
}

function plan(
  { change, migration }: MigrationSpec,
  counts: RowCounts,
  rows: number,
  stamp: Drift[],
): string[] {
  return [
    `UPDATE ${subjectOf(change)} of ${showRows(rows)} of ${counts.total.toLocaleString("en-US")}, ${migration.batchSize} keys a transaction on ${migration.connections} connections: row locks only, each for one batch`,
    ...planLines(counts, change).map((line) => `  ${line}`),
    ...stamp.map(
      ({ expected, observed }) => `stamps ${expected} (now ${observed.replace("alembic_version ", "")})`,
    ),
  ];
}

interface Journal {
  /** Rows whose original value it holds and that were not given back. */
  rows: number;
  finished: boolean;
}

/** What the journal holds now; undefined while no backfill has begun. */
async function readJournal(client: Client): Promise<Journal | undefined> {
  const record = await readChangeRecord(client);
  if (!record) return undefined;
  const { rows } = await client.query<{ rows: string }>(
    "SELECT coalesce(sum(cardinality(keys)), 0) AS rows FROM rollout.journal WHERE NOT restored",
  );
  const held = Number(rows[0]?.rows);
  const begun = record.backfilled || record.cursor !== null || held > 0;
  return begun ? { rows: held, finished: record.backfilled } : undefined;
}

/** What an undo would give back: what the journal holds, and before a backfill what it is going to hold. */
function undoLine(
  spec: MigrationSpec,
  journal: Journal | undefined,
  planned: number,
  { evidence }: StepDeps,
): string {
  const rows = journal?.rows ?? planned;
  const time = expectRestore(spec, evidence, { rows, constant: restoreSeconds(rows) });
  const source = journal?.finished === false ? "the journal as it is now, half-done" : "the journal";
  return `restores ${showRows(rows)} from ${source}, ${time}; rows changed by users since keep their values (reaffirmed: ${spec.migration.reaffirmed})`;
}

async function apply(spec: MigrationSpec, deps: StepDeps): Promise<MigrationResult> {
  const started = deps.now().getTime();
  return withConnections(deps, spec.migration.connections, async (clients) => {
    const client = clients[0] as Client;
    const { change, migration, identity } = spec;
    await requireChangeRecord(client, identity.stack, change);
    const work = tableWork(spec, deps, client);
    // Without the normaliser old-style rows would come after the sweep: a trigger lost since expand is put back.
    if ((await triggerDrift(client, change)).length > 0) {
      await installTriggers(work, await readTargetFacts(client, change));
    }
    const before = await countRows(client, change);
    const record = await requireChangeRecord(client, identity.stack, change);
    await backfill({
      ...work,
      record,
      clients,
      batchSize: migration.batchSize,
      expectedRows: rowsToChange(before, change),
    });
    const after = await countRows(client, change);
    const [unmapped] = await unmappedBlockers(client, change, after);
    if (unmapped) throw new StepError(`migration: ${unmapped}`);
    const revision = migration.alembicRevision;
    if (revision !== undefined) await stampRevision(client, { ...work, revision });
    const stamped = revision !== undefined && (await readRevisions(client, change)) !== undefined;
    return {
      changedRows: (await readJournal(client))?.rows ?? 0,
      before,
      after,
      seconds: (deps.now().getTime() - started) / 1000,
      alembicRevision: stamped ? revision : null,
    };
  });
}

async function undo(spec: MigrationSpec, deps: StepDeps): Promise<UndoResult> {
  return withConnections(deps, spec.migration.connections, async (clients) => {
    const own = await readOwnRecord(clients[0] as Client, spec.identity.stack, spec.change);
    const { record, foreign = "nothing to restore: schema rollout holds no journal" } = own;
    if (!record) return { summary: foreign, kept: [] };
    return restoreChange(spec, deps, clients, record);
  });
}

/** Maps every old-style value in small journalled batches, beside readers and writers; its undo gives each back. */
export const migration: Step<MigrationSpec, MigrationResult> = {
  name: "migration",
  spec: MigrationSpec,
  lease: true,
  observe,
  apply,
  undo,
};
