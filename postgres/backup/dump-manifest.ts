import { z } from "zod";

const Count = z.int().min(0);
const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const Decimal = z.string().regex(/^-?\d+$/);
const Hashes = z.tuple([Decimal, Decimal]);
const Name = { schema: z.string(), name: z.string() };

/** A path inside of the backup's folder, and nowhere else. */
const InnerPath = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/);

const LSN = z.string().regex(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/);

/** A dump by pg_dump in directory format. */
const LogicalDump = z.strictObject({
  format: z.literal("directory"),
  program: z.string(),
  compression: z.string(),
  jobs: z.int().min(1),
  lockWaitTimeoutMs: Count,
  catalogueEntries: Count,
});

/** A copy of the server's files by pg_basebackup, and the log up to the moment that the sums show. */
const BaseBackup = z.strictObject({
  format: z.literal("base"),
  program: z.string(),
  compression: z.string(),
  /** The server's first superuser, by whom the copy can be entered. */
  superuser: z.string(),
  /** All databases of the server: all of them are in it. */
  databases: z.array(z.string()),
  /** Setting max_prepared_transactions: a copy needs as many. */
  preparedTransactions: Count,
  timeline: z.int().min(1),
  /** Up to here the copy has to be recovered before it is consistent. */
  consistentAt: LSN,
  /** Commit with which recovery ends, so that the copy shows the snapshot of the sums; null = at `consistentAt`. */
  recoverTo: LSN.nullable(),
});
export type BaseBackup = z.infer<typeof BaseBackup>;

/** The manifest of a backup: what is in it, of which database and moment. `manifest.json`, see docs/backup.md. */
export const Manifest = z.strictObject({
  version: z.literal(1),
  /** Whose backup it is. */
  stack: z.string(),
  phase: z.string(),
  step: z.string(),
  generation: z.int().min(1),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  /** The moment that the backup shows, by the database's clock. */
  snapshotAt: z.iso.datetime(),
  /** How long the snapshot was held, in seconds: for so long it kept vacuum from cleaning up. */
  snapshotSeconds: z.number().min(0),
  /** Size of what a restore takes: the database with its indexes; of a physical backup all databases of the server. */
  databaseBytes: Count,
  server: z.strictObject({
    database: z.string(),
    databaseOid: z.string(),
    systemIdentifier: z.string().nullable(),
    version: z.string(),
    versionNumber: z.int(),
    encoding: z.string(),
    collate: z.string(),
    ctype: z.string(),
  }),
  dump: z.discriminatedUnion("format", [LogicalDump, BaseBackup]),
  tables: z.array(z.strictObject({ ...Name, rows: Count, hashes: Hashes })),
  sequences: z.array(
    z.strictObject({ ...Name, lastValue: Decimal, isCalled: z.boolean(), increment: Decimal }),
  ),
  largeObjects: z.strictObject({ count: Count, hashes: Hashes }),
  extensions: z.array(z.strictObject({ name: z.string(), version: z.string(), schema: z.string() })),
  materialisedViews: z.array(z.string()),
  foreignTables: z.array(z.string()),
  extensionTables: z.array(z.string()),
  roles: z.array(z.string()),
  /** Why globals.sql is missing; null when it is there, and for a physical backup, which holds roles anyway. */
  globalsMissing: z.string().nullable(),
  /** How the files are encrypted; absent when they are not. The hashes are those of the files as they lie there. */
  encryption: z
    .strictObject({ program: z.literal("age"), recipients: z.array(z.string()).min(1) })
    .optional(),
  /** Every file of the backup but this one. */
  files: z.array(z.strictObject({ path: InnerPath, bytes: Count, sha256: Sha256 })),
});
export type Manifest = z.infer<typeof Manifest>;

/** How a backup was taken, as `backup.method` calls it. */
export type BackupMethod = "logical" | "physical";
export const methodOf = ({ dump }: Manifest): BackupMethod =>
  dump.format === "base" ? "physical" : "logical";

/** Rows of all tables. */
export const countManifestRows = ({ tables }: Manifest): number =>
  tables.reduce((sum, { rows }) => sum + rows, 0);

/** Bytes of all files. */
export const countManifestBytes = ({ files }: Manifest): number =>
  files.reduce((sum, { bytes }) => sum + bytes, 0);
