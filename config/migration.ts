import { z } from "zod";
import { MaintenanceSection } from "./maintenance.ts";

/** How phase 1 changes the table: while the application runs, or while its writers are stopped. */
export const MigrationSection = z.strictObject({
  strategy: z
    .enum(["online", "maintenance"])
    .default("online")
    .describe(
      "online: no stop, no failed request. maintenance: all writers stopped, see docs/maintenance.md.",
    ),
  batchSize: z
    .int()
    .min(1)
    .max(100_000)
    .default(1000)
    .meta({ unit: "rows", description: "Rows of one backfill statement, which is one transaction." }),
  connections: z
    .int()
    .min(1)
    .max(16)
    .default(2)
    .meta({ unit: "connections", description: "Connections that backfill at the same time." }),
  lockTimeoutMs: z.int().min(1).max(10_000).default(50).meta({
    unit: "ms",
    description:
      "Longest wait for a table lock before it is given up and tried again: writers never queue longer.",
  }),
  appTriggers: z
    .enum(["refuse", "bypass", "fire"])
    .default("refuse")
    .describe(
      "Triggers of the table's own that our updates would fire, forward and back. refuse: list them and stop. bypass: not fired (PostgreSQL 15, GRANT SET ON PARAMETER session_replication_role). fire: fired; other columns that they change are journalled and restored.",
    ),
  journalReplication: z
    .enum(["refuse", "prepared"])
    .default("refuse")
    .describe(
      "A publication FOR ALL TABLES carries schema rollout too, and a subscriber without its tables stops. refuse: stop before any change. prepared: every subscriber has them, or passes over what it does not know (docs/migration.md).",
    ),
  reaffirmed: z
    .enum(["keep", "restore"])
    .default("keep")
    .describe(
      "Undo of a row whose migrated value the application has assigned again since: keep it or restore it.",
    ),
  accept: z
    .array(z.string().min(1).max(63))
    .max(100)
    .optional()
    .describe(
      "Names of constraints, indexes, policies and triggers of the table (`default` for the column's default) whose risk is taken: preview names each, with what may go wrong.",
    ),
  alembicRevision: z
    .string()
    .regex(/^\w{1,32}$/, "an Alembic revision, up to 32 letters, digits and underscores")
    .optional()
    .describe(
      "Revision stamped into alembic_version where a table of that name exists; its undo puts the old one back.",
    ),
  maintenance: MaintenanceSection.optional().describe(
    "How the writers are stopped and started again; needed by strategy maintenance, unused otherwise.",
  ),
});
