import { z } from "zod";

/** How phase 1 changes the table, as the steps get it. Defaults and bounds are the configuration's. */
export const MigrationOptions = z.strictObject({
  strategy: z.enum(["online", "maintenance"]),
  /** Rows of one backfill statement, which is one transaction. */
  batchSize: z.int().min(1),
  /** Connections that backfill at the same time. */
  connections: z.int().min(1),
  /** Longest wait for a table lock: no writer ever queues longer. */
  lockTimeoutMs: z.int().min(1),
  /** What our updates do to the application's triggers. */
  appTriggers: z.enum(["refuse", "bypass", "fire"]),
  /** Whether subscribers of a publication FOR ALL TABLES can take the tables of schema rollout. */
  journalReplication: z.enum(["refuse", "prepared"]).default("refuse"),
  /** Undo of a row whose migrated value the application has assigned again. */
  reaffirmed: z.enum(["keep", "restore"]),
  /** Names of constraints, indexes, policies and triggers whose risk the table's owner takes. */
  accept: z.array(z.string()).optional(),
  /** Stamped into `alembic_version` where a table of that name exists. */
  alembicRevision: z.string().optional(),
});
export type MigrationOptions = z.infer<typeof MigrationOptions>;
