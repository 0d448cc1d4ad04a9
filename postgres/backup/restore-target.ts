import { randomBytes } from "node:crypto";
import pg, { type Client } from "pg";
import { StepError } from "../../errors/step-error.ts";
import { connect } from "../connect.ts";
import type { Cluster } from "./cluster.ts";
import { quoted } from "./dump-inventory.ts";
import type { Manifest } from "./dump-manifest.ts";

/** Owner of everything restored: no superuser, because a dump can execute code. */
const RESTORER = "rollout_restorer";

/** A database made to receive a dump. */
export interface RestoreTarget {
  /** Connection string of the restoring role. */
  url: string;
  /** Connection string of the throwaway server's superuser, for the same database. */
  adminUrl: string;
  /** What could not be made as in the original, e.g. a locale that this machine lacks. */
  notes: string[];
}

async function createDatabase(admin: Client, name: string, { server }: Manifest): Promise<string[]> {
  const text = pg.escapeLiteral;
  const statement = (collate: string, ctype: string) =>
    `CREATE DATABASE ${quoted(name)} OWNER ${RESTORER} TEMPLATE template0 ENCODING ${text(server.encoding)}
       LC_COLLATE ${text(collate)} LC_CTYPE ${text(ctype)}`;
  try {
    await admin.query(statement(server.collate, server.ctype));
    return [];
  } catch {
    await admin.query(statement("C", "C"));
    return [`locale ${server.collate}/${server.ctype} is not on this machine: restored with C`];
  }
}

/** Makes the restoring role. @returns the connection string by which it reaches the database of `url`. */
export async function createRestorer(admin: Client, url: string): Promise<string> {
  const password = randomBytes(18).toString("hex");
  await admin.query(
    `CREATE ROLE ${RESTORER} LOGIN NOSUPERUSER NOCREATEROLE BYPASSRLS PASSWORD '${password}'`,
  );
  const own = new URL(url);
  own.username = RESTORER;
  own.password = password;
  return own.href;
}

/** Makes the restoring role, all roles that grants and policies name, and an empty database like the original. */
export async function createRestoreTarget(cluster: Cluster, manifest: Manifest): Promise<RestoreTarget> {
  const name = "restored";
  const admin = await connect(cluster.url());
  try {
    const url = await createRestorer(admin, cluster.url(name));
    const { rows } = await admin.query<{ name: string }>("SELECT rolname AS name FROM pg_roles");
    const there = new Set(rows.map((row) => row.name));
    for (const role of manifest.roles) {
      if (!there.has(role)) await admin.query(`CREATE ROLE ${quoted(role)} NOLOGIN`);
    }
    const notes = await createDatabase(admin, name, manifest);
    return { url, adminUrl: cluster.url(name), notes };
  } finally {
    await admin.end();
  }
}

/**
 * Makes the extensions of the original, from this machine's own files and never from the dump, as superuser: many
 * can't be made by anyone else. Returns notes on versions that differ.
 * @throws {StepError} for an extension that this machine does not have.
 */
export async function createExtensions({ adminUrl }: RestoreTarget, manifest: Manifest): Promise<string[]> {
  const notes: string[] = [];
  const admin = await connect(adminUrl);
  try {
    for (const { name, version, schema } of manifest.extensions) {
      const { rows } = await admin.query<{ version: string }>(
        "SELECT version FROM pg_available_extension_versions WHERE name = $1",
        [name],
      );
      if (rows.length === 0) {
        throw new StepError(
          `restore-proof: expected extension ${name} ${version} on this machine, got none. Install its package.`,
        );
      }
      const same = rows.some((row) => row.version === version);
      if (!same)
        notes.push(`extension ${name} ${version} is not on this machine: restored with another version`);
      const pinned = same ? ` VERSION ${quoted(version)}` : "";
      await admin.query(`CREATE EXTENSION ${quoted(name)} SCHEMA ${quoted(schema)}${pinned} CASCADE`);
    }
    return notes;
  } finally {
    await admin.end();
  }
}
