import type { Client } from "pg";
import { MaintenanceSection } from "../../config/maintenance.ts";
import { StepError } from "../../errors/step-error.ts";
import { rowsToChange, unmappedBlockers } from "../../postgres/migration/change-plan.ts";
import type { ChangeRecord } from "../../postgres/migration/change-record.ts";
import type { CopyWork } from "../../postgres/migration/column-copy.ts";
import { countRows } from "../../postgres/migration/counts.ts";
import { leftBlocker } from "../../postgres/migration/left-record.ts";
import { readMaintenance } from "../../postgres/migration/maintenance-record.ts";
import { changeInOneTransaction } from "../../postgres/migration/one-transaction.ts";
import { tableWork } from "../../postgres/migration/undo-change.ts";
import type { StepDeps, UndoResult } from "../step.ts";
import {
  assertWritersStopped,
  bringWritersBack,
  type Maintenance,
  startWriters,
  withWritersStopped,
} from "./maintenance.ts";
import { fillMaintenance } from "./maintenance-command.ts";
import { takeDownFlag } from "./maintenance-flag.ts";
import type { MigrationSpec } from "./migration-plan.ts";
import { runOwnUpgrade, takeUpgradeBack } from "./own-upgrade.ts";

/** The change with its writers stopped; `maintenance` is absent on the rehearsal's copy, which has none. */
interface StoppedChange {
  spec: MigrationSpec;
  deps: StepDeps;
  client: Client;
  record: ChangeRecord;
  maintenance: Maintenance | undefined;
}

/** Everything around the change as the spec has it; undefined where there is nothing to stop. */
export function maintenanceOf(spec: MigrationSpec, deps: StepDeps, client: Client): Maintenance | undefined {
  const { maintenance, hosts = [], release = "" } = spec;
  if (!maintenance) return undefined;
  return { work: tableWork(spec, deps, client), section: fillMaintenance(maintenance, release), hosts };
}

/** Before going on. @throws {StepError} where something of it is left: no attempt begins on that. */
async function takeWhollyBack(work: CopyWork): Promise<void> {
  await takeUpgradeBack(work);
  const left = await leftBlocker(work.client, work.change, work.stack);
  if (left) throw new StepError(`migration: ${left}`);
}

async function makeChange({ spec, deps, client, record, maintenance }: StoppedChange): Promise<void> {
  const { change, migration } = spec;
  const { batchSize, alembicRevision: revision } = migration;
  const lockWaitMs = maintenance && maintenance.section.timeoutSeconds * 1000;
  const work = { ...tableWork(spec, deps, client), record, ...(lockWaitMs ? { lockWaitMs } : {}) };
  if ((await readMaintenance(client))?.copied) await takeWhollyBack(work);
  const counts = await countRows(client, change);
  const [unmapped] = await unmappedBlockers(client, change, counts);
  if (unmapped) throw new StepError(`migration: ${unmapped}`);
  if (maintenance?.section.upgrade) {
    return runOwnUpgrade({ work, section: maintenance.section, batchSize, revision, deps });
  }
  const expectedRows = rowsToChange(counts, change);
  const underLock = async () => {
    // Whoever connected since waits for the lock; better to know of him now than to have stopped half of them.
    if (maintenance) await assertWritersStopped(maintenance);
  };
  await changeInOneTransaction({ ...work, batchSize, expectedRows, revision, underLock });
}

/** @returns the seconds in which the writers were stopped; null where there were none to stop. */
export async function migrateStopped(stopped: StoppedChange): Promise<number | null> {
  const { maintenance, client } = stopped;
  if (!maintenance) {
    await makeChange(stopped);
    return null;
  }
  const before = await readMaintenance(client);
  const flag = before && MaintenanceSection.parse(before.section).flagFile;
  // The configuration was changed since a run was killed: its flag is nobody's any more.
  if (flag && flag !== maintenance.section.flagFile) await takeDownFlag(flag);
  return withWritersStopped(maintenance, () => makeChange(stopped));
}

/**
 * Before an online run: a run was killed before the writers ran again. They are started as they were stopped, where
 * the configuration does not say any more how.
 */
export async function finishMaintenance(
  spec: MigrationSpec,
  deps: StepDeps,
  client: Client,
  change: ChangeRecord,
): Promise<void> {
  const record = await readMaintenance(client);
  if (!record) return;
  const recorded = MaintenanceSection.parse(record.section);
  const work = tableWork(spec, deps, client);
  const lockWaitMs = recorded.timeoutSeconds * 1000;
  if (record.copied) await takeWhollyBack({ ...work, record: change, lockWaitMs });
  const own = maintenanceOf(spec, deps, client);
  await startWriters(own ?? { work, section: recorded, hosts: spec.hosts ?? [] });
}

/**
 * Before an undo: takes back what the application's own command had begun, then brings the writers back, so that
 * the undo itself goes on beside them as after the online way. @returns what could not be taken back.
 */
export async function leaveMaintenance(
  spec: MigrationSpec,
  deps: StepDeps,
  client: Client,
  change: ChangeRecord,
): Promise<UndoResult["kept"]> {
  const record = await readMaintenance(client);
  if (!record) return [];
  const section = MaintenanceSection.parse(record.section);
  const work = { ...tableWork(spec, deps, client), lockWaitMs: section.timeoutSeconds * 1000 };
  deps.log(`maintenance: the writers are stopped since ${record.since} by a run that did not end`);
  // What the server refused is on record as left: the undo tries it again, and tells it.
  const { foreign } = record.copied ? await takeUpgradeBack({ ...work, record: change }) : { foreign: [] };
  const stopped = await bringWritersBack({ work, section });
  if (stopped) deps.log(`migration: ${stopped}`);
  return [
    ...foreign.map((reason) => ({ subject: "upgrade command", reason })),
    ...(stopped ? [{ subject: "writers", reason: stopped }] : []),
  ];
}
