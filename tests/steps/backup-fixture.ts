import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { hashFiles } from "../../postgres/backup/dump-files.ts";
import { Manifest } from "../../postgres/backup/dump-manifest.ts";
import { findProgram } from "../../postgres/programs.ts";
import { type BackupWorld, realWorld } from "../../steps/backup/backup-readiness.ts";
import { createDatabase } from "../database.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { baseSpec, DEALS, runSql } from "./preflight-deps.ts";

/** What makes a database hard to dump and to compare: names, types, partitions, objects that are no rows. */
export const ODDITIES = [
  `CREATE SCHEMA "Odd schema"`,
  `CREATE TABLE "Odd schema"."a ""quoted"" table" (t text, "wéird col" float8, at timestamptz DEFAULT now(), b bytea)`,
  `INSERT INTO "Odd schema"."a ""quoted"" table" VALUES (E'tab\\tand\\nline', 0.1::float8 + 0.2, '2026-01-02 03:04:05.678+09', '\\x00ff')`,
  "CREATE TABLE no_columns ()",
  "INSERT INTO no_columns DEFAULT VALUES",
  "CREATE TABLE parent (id int, part int) PARTITION BY LIST (part)",
  "CREATE TABLE part_1 PARTITION OF parent FOR VALUES IN (1)",
  "CREATE TABLE part_2 PARTITION OF parent FOR VALUES IN (2)",
  "INSERT INTO parent SELECT n, 1 + n % 2 FROM generate_series(1, 10) n",
  "CREATE MATERIALIZED VIEW summary AS SELECT count(*) FROM deals",
  "CREATE SEQUENCE invoice_number INCREMENT 5 START 100",
  "SELECT nextval('invoice_number') FROM generate_series(1, 3)",
  "SELECT lo_from_bytea(0, '\\xdeadbeef')",
  "CREATE EXTENSION pg_trgm",
];

/** A database with the deals and everything odd; returns its connection string. */
export async function createOddDatabase(): Promise<string> {
  const url = await createDatabase();
  await runSql(url, ...DEALS, ...ODDITIES);
  return url;
}

/** A database with the deals alone. */
export async function createDealsDatabase(): Promise<string> {
  const url = await createDatabase();
  await runSql(url, ...DEALS);
  return url;
}

/** A spec that keeps its backups in a fresh folder. */
export function backupSpec(folder = join(temporaryFolder(), "backups")) {
  const method = "logical" as "logical" | "physical";
  return { ...baseSpec("backup"), url: `file:${folder}`, method, jobs: 2, lockWaitTimeoutMs: 2_000 };
}

/** A spec of the proof of what `backupSpec` takes. */
export const proofSpec = (url: string) => ({
  ...baseSpec("restore-proof"),
  ...{ url, of: "backup", jobs: 2, maxAgeHours: 24 },
});

export const folderOf = ({ url }: { url: string }): string => url.slice("file:".length);

/** Names in the backup folder; finished backups and leftovers alike. */
export const namesIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder).sort() : []);

export const manifestOf = (path: string): Manifest =>
  Manifest.parse(JSON.parse(readFileSync(join(path, "manifest.json"), "utf8")));

/**
 * A world whose pg_dump is a shell script. `"$REAL"` is the real one; the script sees the same arguments. Asked for
 * its version it answers as the real one.
 */
export function scriptedDump(script: string, world: Partial<BackupWorld> = {}): BackupWorld {
  const path = join(temporaryFolder(), "pg_dump");
  const real = findProgram("pg_dump");
  writeFileSync(path, `#!/bin/sh\nREAL=${real}\n[ "$1" = --version ] && exec "$REAL" --version\n${script}\n`);
  chmodSync(path, 0o755);
  return {
    ...realWorld,
    findProgram: (name) => (name === "pg_dump" ? path : findProgram(name)),
    ...world,
  };
}

/** The dump as SQL text, as pg_restore writes it. */
export function dumpText(path: string): string {
  const argv = ["--file=-", join(path, "dump")];
  return execFileSync(findProgram("pg_restore"), argv, { encoding: "utf8", maxBuffer: 1 << 28 });
}

/** Rewrites manifest and name as someone would who knows how: only a restore can tell. */
export async function reseal(
  path: string,
  edit: (manifest: Manifest) => void = () => undefined,
): Promise<string> {
  const manifest = manifestOf(path);
  const files = await hashFiles(path);
  manifest.files = files.filter((file) => file.path !== "manifest.json");
  edit(manifest);
  const content = `${JSON.stringify(manifest, null, 2)}\n`;
  writeFileSync(join(path, "manifest.json"), content);
  const digest = createHash("sha256").update(content).digest("hex").slice(0, 16);
  const sealed = join(dirname(path), basename(path).replace(/[0-9a-f]{16}$/, digest));
  renameSync(path, sealed);
  return sealed;
}
