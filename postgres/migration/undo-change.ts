import type { Client } from "pg";
import { countLeft, type LeftThing } from "../../ledger/left.ts";
import type { StepDeps, UndoResult } from "../../steps/step.ts";
import { unstampRevision } from "./alembic.ts";
import { bypassRefusal } from "./app-triggers.ts";
import { forgetBackfill } from "./backfill.ts";
import type { Change } from "./change.ts";
import type { ChangeRecord } from "./change-record.ts";
import { showValue, subjectOf } from "./change-sql.ts";
import { dropConstraint } from "./constraint-ddl.ts";
import { showRows } from "./estimate.ts";
import type { TableWork } from "./expand.ts";
import { ensureLeftTable, readLeft } from "./left-record.ts";
import type { MigrationOptions } from "./migration-options.ts";
import { prepareRestore } from "./prepare-restore.ts";
import type { Refusal } from "./refusal.ts";
import { countOriginals } from "./remove-rollout.ts";
import { type KeptRows, readKept, restoreOriginals } from "./restore-originals.ts";
import { findLostTarget, undoObject } from "./undo-objects.ts";
import { STRAYED } from "./write-originals.ts";

/** Rows left alone that are named one by one in a result; the evidence holds all of them. */
const KEPT_SHOWN = 100;

/** What the steps' specs have in common here. */
export interface ChangeSpec {
  identity: { stack: string };
  change: Change;
  migration: MigrationOptions;
}

/** The work on the table that a step does with one connection. */
export function tableWork(spec: ChangeSpec, deps: StepDeps, client: Client): TableWork {
  return {
    client,
    change: spec.change,
    stack: spec.identity.stack,
    lockTimeoutMs: spec.migration.lockTimeoutMs,
    appTriggers: spec.migration.appTriggers,
    lease: deps.lease,
    signal: deps.signal,
    log: deps.log,
  };
}

const REASONS: Record<string, string> = {
  assigned: "assigned another value since: kept",
  reaffirmed: "assigned the same value again since: kept",
  deleted: "deleted since: nothing to restore",
  truncated: "truncated since: nothing to restore",
};

function describeKept({ byReason, rows }: KeptRows): UndoResult["kept"] {
  const named = rows.map(({ key, raw, reason }) => ({
    subject: reason === STRAYED ? `table ${key}` : `row ${key}, originally ${showValue(raw)}`,
    reason: REASONS[reason] ?? reason,
  }));
  const all = Object.values(byReason).reduce((sum, count) => sum + count, 0);
  if (all > named.length)
    named.push({ subject: showRows(all - named.length), reason: "see the exported journal" });
  return named;
}

type Restore = { spec: ChangeSpec; clients: Client[]; record: ChangeRecord; work: TableWork };

/** Why nothing can be restored at all; undefined where it can, or where there is nothing to restore. */
async function findObstacle({ work }: Restore): Promise<Refusal | undefined> {
  const { client, change, appTriggers } = work;
  const obstacle = (await findLostTarget(client, change)) ?? (await bypassRefusal(client, appTriggers));
  if (!obstacle) return undefined;
  const rows = await countOriginals(client);
  if (rows === 0) return undefined;
  return { ...obstacle, reason: `${obstacle.reason}; ${showRows(rows)} were not given back` };
}

/** @returns rows given back. Where not one of them could be tried, all of them are one thing that is left. */
async function restoreRows(restore: Restore): Promise<number> {
  const { spec, clients, record, work } = restore;
  const { batchSize, reaffirmed } = spec.migration;
  const object = { step: "migration", subject: `the original values of ${subjectOf(work.change)}` };
  let fires: boolean | undefined;
  const left = await undoObject(work, object, async () => {
    const obstacle = await findObstacle(restore);
    if (!obstacle) fires = await prepareRestore(work);
    return obstacle;
  });
  if (left || fires === undefined) return 0;
  return restoreOriginals({ ...work, record, batchSize, reaffirmed, clients, fires });
}

/** @returns why alembic_version stays, when someone else has moved on; what is refused there is written down as left. */
async function restoreStamp({ work, record }: Restore): Promise<UndoResult["kept"]> {
  let stamp: string | undefined;
  await undoObject(work, { step: "migration", subject: "the revision in alembic_version" }, async () => {
    stamp = await unstampRevision(work.client, { ...work, record });
    return undefined;
  });
  return stamp === undefined ? [] : [{ subject: "alembic_version", reason: stamp }];
}

/** Steps whose left things are tried here; contract's are its own to tell. */
const TRIED = ["migration", "constraint"];

/**
 * CHECK and NOT NULL off (if they are still there) → normaliser off, tracker on → originals back, batch by batch →
 * alembic_version back. The order is what makes it exact: under the normaliser a restore undoes itself, under the
 * CHECK it fails, without the tracker nobody knows whose value is found. What the server refuses of any of it is left,
 * on record, and the rest goes on.
 */
export async function restoreChange(
  spec: ChangeSpec,
  deps: StepDeps,
  clients: Client[],
  record: ChangeRecord,
): Promise<UndoResult & { left: LeftThing[] }> {
  const work = tableWork(spec, deps, clients[0] as Client);
  const { client, change } = work;
  await ensureLeftTable(client, work.lease);
  await dropConstraint(work, { keepNotNull: record.notNullBefore });
  const restored = await restoreRows({ spec, clients, record, work });
  const stamp = await restoreStamp({ spec, clients, record, work });
  await forgetBackfill(work);
  const kept = await readKept(client, KEPT_SHOWN);
  const left = (await readLeft(client, change)).filter(({ step }) => TRIED.includes(step));
  return {
    summary: `restored ${showRows(restored)}${summariseKept(kept.byReason)}${summariseLeft(left)}`,
    kept: [...describeKept(kept), ...stamp],
    left,
    restored,
    keptByReason: kept.byReason,
  };
}

function summariseKept(byReason: Record<string, number>): string {
  return Object.entries(byReason)
    .map(([reason, count]) => `, ${count.toLocaleString("en-US")} ${reason}`)
    .join("");
}

const summariseLeft = (left: readonly LeftThing[]): string =>
  left.length === 0 ? "" : `, ${countLeft(left).toLocaleString("en-US")} LEFT as they are`;
