import type { Client } from "pg";
import type { StepDeps, UndoResult } from "../../steps/step.ts";
import { unstampRevision } from "./alembic.ts";
import { assertMayBypass } from "./app-triggers.ts";
import { forgetBackfill } from "./backfill.ts";
import type { Change } from "./change.ts";
import type { ChangeRecord } from "./change-record.ts";
import { showValue } from "./change-sql.ts";
import { dropConstraint } from "./constraint-ddl.ts";
import { showRows } from "./estimate.ts";
import type { TableWork } from "./expand.ts";
import type { MigrationOptions } from "./migration-options.ts";
import { prepareRestore } from "./prepare-restore.ts";
import { type KeptRows, readKept, restoreOriginals } from "./restore-originals.ts";
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

/**
 * CHECK and NOT NULL off (if they are still there) → normaliser off, tracker on → originals back, batch by batch →
 * alembic_version back. The order is what makes it exact: under the normaliser a restore undoes itself, under the
 * CHECK it fails, without the tracker nobody knows whose value is found.
 */
export async function restoreChange(
  spec: ChangeSpec,
  deps: StepDeps,
  clients: Client[],
  record: ChangeRecord,
): Promise<UndoResult> {
  const work = tableWork(spec, deps, clients[0] as Client);
  const { batchSize, reaffirmed } = spec.migration;
  await assertMayBypass(work.client, work.appTriggers, "undo");
  await dropConstraint(work, { keepNotNull: record.notNullBefore });
  const fires = await prepareRestore(work);
  const restored = await restoreOriginals({ ...work, record, batchSize, reaffirmed, clients, fires });
  const stamp = await unstampRevision(work.client, { ...work, record });
  await forgetBackfill(work);
  const kept = await readKept(work.client, KEPT_SHOWN);
  return {
    summary: `restored ${showRows(restored)}${summariseKept(kept.byReason)}`,
    kept: [
      ...describeKept(kept),
      ...(stamp === undefined ? [] : [{ subject: "alembic_version", reason: stamp }]),
    ],
    restored,
    keptByReason: kept.byReason,
  };
}

function summariseKept(byReason: Record<string, number>): string {
  return Object.entries(byReason)
    .map(([reason, count]) => `, ${count.toLocaleString("en-US")} ${reason}`)
    .join("");
}
