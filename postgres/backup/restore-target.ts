import { randomBytes } from "node:crypto";
import pg, { type Client } from "pg";
import type { LeaveOut } from "../../config/backup-proof.ts";
import { safeServerMessage } from "../../errors/server-message.ts";
import { StepError } from "../../errors/step-error.ts";
import { connect } from "../connect.ts";
import type { Cluster } from "./cluster.ts";
import { quoted } from "./dump-inventory.ts";
import type { Manifest } from "./dump-manifest.ts";
import { extensionNeeds, orderExtensions } from "./extension-order.ts";
import { leaveOutCommand } from "./left-out.ts";
import type { ObjectGraph } from "./object-graph.ts";

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

interface Available {
  version: string;
  needs: string[] | null;
}

/** Versions of each extension that this machine's files can make. */
async function readAvailable(admin: Client): Promise<Map<string, Available[]>> {
  const { rows } = await admin.query<Available & { name: string }>(
    "SELECT name, version, requires::text[] AS needs FROM pg_available_extension_versions",
  );
  const byName = new Map<string, Available[]>();
  for (const { name, ...one } of rows) byName.set(name, [...(byName.get(name) ?? []), one]);
  return byName;
}

/** The order in which each extension finds what it needs: by the original, and by the files of this machine. */
function orderFor({ extensions }: Manifest, graph: ObjectGraph, available: Map<string, Available[]>) {
  const own = extensions.map(({ name, version }): [string, Set<string>] => {
    const versions = available.get(name) ?? [];
    const same = versions.filter((one) => one.version === version);
    return [name, new Set((same.length > 0 ? same : versions).flatMap(({ needs }) => needs ?? []))];
  });
  return orderExtensions(extensions, [extensionNeeds(graph), new Map(own)]);
}

/** Objects of users may live in schemas that an extension made; no right on anything else in them goes with it. */
async function admitToSchemas(admin: Client): Promise<void> {
  const { rows } = await admin.query<{ name: string }>(
    `SELECT n.nspname AS name FROM pg_namespace n JOIN pg_depend d ON d.objid = n.oid
      WHERE d.classid = 'pg_namespace'::regclass AND d.deptype = 'e'`,
  );
  for (const { name } of rows)
    await admin.query(`GRANT USAGE, CREATE ON SCHEMA ${quoted(name)} TO ${RESTORER}`);
}

/** Why an extension can't be made, with both ways: mend this machine, or do without it. */
function extensionError(name: string, version: string, got: string, leaveOut?: LeaveOut): StepError {
  return new StepError(
    `restore-proof: expected extension ${name} ${version} to be made on this machine, got ${got}. ` +
      `Install its package here (Debian: apt-cache search postgresql ${name}), or leave it out of the proof with all that ` +
      `stands on it: ${leaveOutCommand("extensions", name, leaveOut)}.`,
  );
}

/**
 * Makes the extensions of the original, from this machine's own files and never from the dump, as superuser: many
 * can't be made by anyone else. Each comes after those that it needs. Returns notes on versions that differ.
 * @throws {StepError} for an extension that this machine can't make.
 */
export async function createExtensions(
  { adminUrl }: RestoreTarget,
  manifest: Manifest,
  { graph, leaveOut }: { graph: ObjectGraph; leaveOut?: LeaveOut | undefined },
): Promise<string[]> {
  const notes: string[] = [];
  const admin = await connect(adminUrl);
  try {
    const available = await readAvailable(admin);
    for (const { name, version, schema } of orderFor(manifest, graph, available)) {
      const versions = available.get(name);
      if (!versions) throw extensionError(name, version, "none", leaveOut);
      const same = versions.some((one) => one.version === version);
      if (!same)
        notes.push(`extension ${name} ${version} is not on this machine: restored with another version`);
      const pinned = same ? ` VERSION ${quoted(version)}` : "";
      await admin
        .query(`CREATE EXTENSION ${quoted(name)} SCHEMA ${quoted(schema)}${pinned} CASCADE`)
        .catch((error) => {
          throw extensionError(name, version, safeServerMessage(error), leaveOut);
        });
    }
    await admitToSchemas(admin);
    return notes;
  } finally {
    await admin.end();
  }
}
