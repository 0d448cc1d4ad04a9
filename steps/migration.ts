import type { Client } from "pg";
import { z } from "zod";
import { StepError } from "../errors/step-error.ts";
import { readRevisions, stampBlocker, stampRevision } from "../postgres/migration/alembic.ts";
import { backfill } from "../postgres/migration/backfill.ts";
import { rowsToChange, unmappedBlockers } from "../postgres/migration/change-plan.ts";
import {
  type ChangeRecord,
  readChangeRecord,
  readOwnRecord,
  requireChangeRecord,
} from "../postgres/migration/change-record.ts";
import { countRows, type RowCounts } from "../postgres/migration/counts.ts";
import { backfillSeconds, showRows } from "../postgres/migration/estimate.ts";
import { installTriggers, triggerDrift } from "../postgres/migration/expand.ts";
import { leftBlocker } from "../postgres/migration/left-record.ts";
import { readMaintenance } from "../postgres/migration/maintenance-record.ts";
import { readTargetFacts } from "../postgres/migration/target-facts.ts";
import { restoreChange, tableWork } from "../postgres/migration/undo-change.ts";
import { versionTableBlocker } from "../postgres/migration/version-table.ts";
import { withConnection, withConnections } from "../postgres/session.ts";
import { commandBlockers } from "./migration/maintenance-command.ts";
import { flagBlocker } from "./migration/maintenance-flag.ts";
import {
  isDoneStopped,
  MigrationSpec,
  planMigration,
  readDrift,
  readJournal,
  stampDrift,
  undoLine,
} from "./migration/migration-plan.ts";
import {
  finishMaintenance,
  leaveMaintenance,
  maintenanceOf,
  migrateStopped,
} from "./migration/stopped-migration.ts";
import { isUnreadable, rightsOf } from "./migration/target-rights.ts";
import { expectApply } from "./rehearsal/rehearsed.ts";
import { defineStep, HOUR, type Observation, type StepDeps, type UndoResult } from "./step.ts";

export interface MigrationResult {
  /** Rows that this and earlier, interrupted runs changed and journalled. */
  changedRows: number;
  before: RowCounts;
  after: RowCounts;
  seconds: number;
  /** Revision stamped into alembic_version; null when there is no such table or none is configured. */
  alembicRevision: string | null;
  /** Seconds in which the writers were stopped; null when they were not. */
  downtimeSeconds: number | null;
}

/** What is read again of it. */
const MigrationRecord = z.object({ changedRows: z.number(), before: z.object({ total: z.number() }) });

const NO_VERSION_TABLE = "no schema of the database has a table of Alembic's, so no revision is stamped";

async function blockersOf(
  spec: MigrationSpec,
  deps: StepDeps,
  client: Client,
  { counts, stopped }: { counts: RowCounts; stopped: boolean },
): Promise<string[]> {
  const { change, migration } = spec;
  const revision = migration.alembicRevision;
  const heads =
    revision === undefined
      ? undefined
      : ((await versionTableBlocker(client, change)) ?? stampBlocker(await readRevisions(client, change)));
  const left = await leftBlocker(client, change, spec.identity.stack);
  return [
    ...(left ? [left] : []),
    // Before expand it is expand's to say.
    ...((await readChangeRecord(client)) ? (await rightsOf(client, spec)).toWrite : []),
    ...(await unmappedBlockers(client, change, counts)),
    ...(stopped ? await stopBlockers(spec, deps, client) : []),
    ...(heads ? [heads] : []),
  ];
}

/** What would be found out only once the writers are stopped. */
async function stopBlockers(spec: MigrationSpec, deps: StepDeps, client: Client): Promise<string[]> {
  const maintenance = maintenanceOf(spec, deps, client);
  if (!maintenance) return [];
  const { section } = maintenance;
  const flag = section.flagFile === undefined ? undefined : await flagBlocker(section.flagFile);
  return [...(await commandBlockers(section)), ...(flag ? [flag] : [])];
}

async function observe(spec: MigrationSpec, deps: StepDeps): Promise<Observation> {
  return withConnection(deps, async (client) => {
    const { change } = spec;
    // What is wrong with the target itself is the expand step's to say.
    if (await isUnreadable(client, spec)) return { drift: [], plan: [], undo: [], blockers: [] };
    const facts = await readTargetFacts(client, change);
    if (!facts.table || !facts.column || !facts.key) return { drift: [], plan: [], undo: [], blockers: [] };
    const counts = await countRows(client, change);
    const open = await readMaintenance(client);
    const drift = await readDrift(client, spec, counts, open);
    const rows = rowsToChange(counts, change);
    const undo = [
      undoLine(spec, await readJournal(client), rows, deps),
      ...(open ? ["starts the writers first, which a run that did not end left stopped"] : []),
    ];
    if (drift.length === 0) return { drift, plan: [], undo, blockers: [] };
    const stopped = isDoneStopped(spec, (await readChangeRecord(client))?.backfilled ?? false);
    const blockers = await blockersOf(spec, deps, client, { counts, stopped });
    const constant = backfillSeconds(counts.total, rows);
    const expected = expectApply("migration", spec, deps.evidence, { rows: counts.total, constant });
    const { locks, ...time } = expected;
    const stamp = await stampDrift(client, spec);
    const unstamped =
      spec.migration.alembicRevision !== undefined && (await readRevisions(client, change)) === undefined;
    const lines = planMigration(spec, { counts, rows, stamp, stopped, open: open !== undefined });
    return {
      drift,
      plan: [...lines, ...(unstamped ? [`note: ${NO_VERSION_TABLE}`] : []), ...locks],
      undo,
      blockers,
      ...time,
    };
  });
}

interface Run {
  spec: MigrationSpec;
  deps: StepDeps;
  clients: Client[];
  record: ChangeRecord;
  before: RowCounts;
}

/** @returns the rows as they are after it. */
async function migrateOnline({ spec, deps, clients, record, before }: Run): Promise<RowCounts> {
  const { change, migration } = spec;
  const client = clients[0] as Client;
  const work = tableWork(spec, deps, client);
  const { batchSize, alembicRevision: revision } = migration;
  await backfill({ ...work, record, clients, batchSize, expectedRows: rowsToChange(before, change) });
  const after = await countRows(client, change);
  const [unmapped] = await unmappedBlockers(client, change, after);
  if (unmapped) throw new StepError(`migration: ${unmapped}`);
  if (revision !== undefined) await stampRevision(client, { ...work, revision });
  return after;
}

async function migrate(run: Run): Promise<Pick<MigrationResult, "after" | "downtimeSeconds">> {
  const { spec, deps, clients, record } = run;
  const client = clients[0] as Client;
  if (isDoneStopped(spec, record.backfilled)) {
    const maintenance = maintenanceOf(spec, deps, client);
    const downtimeSeconds = await migrateStopped({ spec, deps, client, record, maintenance });
    return { after: await countRows(client, spec.change), downtimeSeconds };
  }
  await finishMaintenance(spec, deps, client, record);
  return { after: await migrateOnline(run), downtimeSeconds: null };
}

async function apply(spec: MigrationSpec, deps: StepDeps): Promise<MigrationResult> {
  const started = deps.now().getTime();
  return withConnections(deps, spec.migration.connections, async (clients) => {
    const client = clients[0] as Client;
    const { change, migration, identity } = spec;
    await requireChangeRecord(client, identity.stack, change);
    const left = await leftBlocker(client, change, identity.stack);
    if (left) throw new StepError(`migration: ${left}`);
    // Without the normaliser old-style rows would come after the sweep: a trigger lost since expand is put back.
    if ((await triggerDrift(client, change)).length > 0) {
      await installTriggers(tableWork(spec, deps, client), await readTargetFacts(client, change));
    }
    const before = await countRows(client, change);
    const record = await requireChangeRecord(client, identity.stack, change);
    const { after, downtimeSeconds } = await migrate({ spec, deps, clients, record, before });
    const revision = migration.alembicRevision;
    const stamped = revision !== undefined && (await readRevisions(client, change)) !== undefined;
    const changedRows = (await readJournal(client))?.rows ?? 0;
    deps.log(
      `migration: ${showRows(after.total)}, ${after.invalid} outside the allowed values; the journal has ${showRows(changedRows)} as they were` +
        (stamped ? `; Alembic is at ${revision}` : revision === undefined ? "" : `; ${NO_VERSION_TABLE}`),
    );
    return {
      changedRows,
      before,
      after,
      seconds: (deps.now().getTime() - started) / 1000,
      alembicRevision: stamped ? revision : null,
      downtimeSeconds,
    };
  });
}

async function undo(spec: MigrationSpec, deps: StepDeps): Promise<UndoResult> {
  return withConnections(deps, spec.migration.connections, async (clients) => {
    const own = await readOwnRecord(clients[0] as Client, spec.identity.stack, spec.change);
    const { record, foreign = "nothing to restore: schema rollout holds no journal" } = own;
    if (!record) return { summary: foreign, kept: [] };
    const left = await leaveMaintenance(spec, deps, clients[0] as Client, record);
    const restored = await restoreChange(spec, deps, clients, record);
    return { ...restored, kept: [...left, ...restored.kept] };
  });
}

/**
 * Maps every old-style value with its journal: in small batches beside readers and writers, or at once while the
 * writers are stopped. Its undo gives each back, beside readers and writers either way.
 */
export const migration = defineStep({
  name: "migration",
  spec: MigrationSpec,
  result: MigrationRecord,
  lease: true,
  deadlineSeconds: 24 * HOUR,
  observe,
  apply,
  undo,
});
