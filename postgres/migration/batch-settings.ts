import type { Settings } from "../transaction.ts";
import type { AppTriggerMode } from "./app-triggers.ts";
import type { Change } from "./change.ts";
import { MIGRATING } from "./normaliser.ts";

/**
 * Settings of a batch. The tracker ignores it; a batch is whole or absent after a crash, and the step's last
 * transaction is flushed with all before it; the plan is always the walk along the primary key.
 */
const ALWAYS: Settings = {
  [MIGRATING]: "on",
  synchronous_commit: "off",
  enable_seqscan: "off",
  enable_hashjoin: "off",
  enable_mergejoin: "off",
  enable_bitmapscan: "off",
  plan_cache_mode: "force_generic_plan",
  jit: "off",
};

/**
 * As a replica the application's triggers stay silent, and so do foreign keys: harmless, since a batch writes no
 * column that is in one. Our own triggers are ENABLE ALWAYS and see each row all the same.
 */
const BYPASS: Settings = { session_replication_role: "replica" };

/** Triggers name their tables as the application's sessions do; PostgreSQL's own names come first all the same. */
export const triggerPath = ({ schema }: Change): Settings => ({
  search_path: ["pg_catalog", schema, "public"],
});

export interface BatchOptions {
  change: Change;
  lockTimeoutMs: number;
  appTriggers: AppTriggerMode;
}

/** For one transaction that changes or restores rows. */
export function batchSettings({ change, lockTimeoutMs, appTriggers }: BatchOptions): Settings {
  return {
    ...ALWAYS,
    lock_timeout: `${lockTimeoutMs}ms`,
    ...(appTriggers === "bypass" ? BYPASS : {}),
    ...(appTriggers === "fire" ? triggerPath(change) : {}),
  };
}
