import type { Client } from "pg";
import { StepError } from "../../errors/step-error.ts";
import type { Lease } from "../../steps/step.ts";
import { inTransaction, sqlState } from "../transaction.ts";
import type { Change } from "./change.ts";
import type { ChangeRecord } from "./change-record.ts";
import {
  findVersionTable,
  findVersionTables,
  type VersionTable,
  versionTableBlocker,
} from "./version-table.ts";

/** Revisions in Alembic's own table, in whatever schema; undefined when there is none, or no telling which. */
export async function readRevisions(client: Client, change: Change): Promise<string[] | undefined> {
  const table = await findVersionTable(client, change);
  return table && readTable(client, table);
}

async function readTable(client: Client, { sql }: VersionTable): Promise<string[]> {
  const { rows } = await client
    .query<{ version_num: string }>(`SELECT version_num FROM ${sql} ORDER BY 1`)
    .catch((error: unknown) => {
      if (sqlState(error) !== "42501") throw error;
      throw new StepError(
        `migration: expected the right to read ${sql}, got none. GRANT SELECT ON ${sql} to the role of databaseUrl.`,
        { cause: error },
      );
    });
  return rows.map(({ version_num }) => version_num);
}

/** Why the stamp can't be made: several heads, of which nobody could say which one goes on. */
export function stampBlocker(revisions: string[] | undefined): string | undefined {
  if (!revisions || revisions.length <= 1) return undefined;
  return (
    `expected one revision in alembic_version, got ${revisions.join(", ")}. ` +
    "Merge the heads, or leave migration.alembicRevision out."
  );
}

export async function writeRevisions(client: Client, change: Change, revisions: string[]): Promise<void> {
  const table = await findVersionTable(client, change);
  if (table) await writeTable(client, table, revisions);
}

async function writeTable(client: Client, { sql }: VersionTable, revisions: string[]): Promise<void> {
  await client.query(`DELETE FROM ${sql}`);
  await client.query(`INSERT INTO ${sql} SELECT unnest($1::text[])`, [revisions]);
}

/** Keeps in the change record what alembic_version held before; the first of several stamps counts. */
export async function rememberStamp(
  client: Client,
  before: readonly string[],
  revision: string,
): Promise<void> {
  await client.query(
    "UPDATE rollout.change SET alembic_before = coalesce(alembic_before, $1), alembic_stamp = $2",
    [before, revision],
  );
}

/** Stamps the revision within the transaction of the caller. */
export async function stampHere(client: Client, change: Change, revision: string): Promise<boolean> {
  const before = await readRevisions(client, change);
  const blocker = (await versionTableBlocker(client, change)) ?? stampBlocker(before);
  if (blocker) throw new StepError(`migration: ${blocker}`);
  if (!before || before[0] === revision) return false;
  await writeRevisions(client, change, [revision]);
  await rememberStamp(client, before, revision);
  return true;
}

/** Stamps the revision once; what was there is kept in the change record, in the same transaction. */
export async function stampRevision(
  client: Client,
  { lease, change, revision }: { lease: Lease | undefined; change: Change; revision: string },
): Promise<boolean> {
  return inTransaction(client, { lease }, () => stampHere(client, change, revision));
}

/** The table that holds the stamp. One that came since is no obstacle: the stamp tells them apart. */
async function findStamp(client: Client, change: Change, stamp: string | null) {
  const configured = await findVersionTable(client, change);
  const tables = configured ? [configured] : await findVersionTables(client);
  const read = await Promise.all(
    tables.map(async (table) => ({ table, now: await readTable(client, table) })),
  );
  const stamped = read.filter(({ now }) => now.join() === stamp);
  return (stamped.length === 1 ? stamped[0] : read[0]) ?? { table: undefined, now: undefined };
}

/** Puts the revisions back that were there before the stamp. @returns why not, when someone else has moved on. */
export async function unstampRevision(
  client: Client,
  { lease, change, record }: { lease: Lease | undefined; change: Change; record: ChangeRecord },
): Promise<string | undefined> {
  const { alembicBefore, alembicStamp } = record;
  if (alembicBefore === null) return undefined;
  return inTransaction(client, { lease }, async () => {
    const { table, now } = await findStamp(client, change, alembicStamp);
    const ours = table !== undefined && now?.length === 1 && now[0] === alembicStamp;
    if (ours) await writeTable(client, table, alembicBefore);
    await client.query("UPDATE rollout.change SET alembic_before = NULL, alembic_stamp = NULL");
    return ours ? undefined : `holds ${now?.join(", ") || "nothing"}, not the stamp ${alembicStamp}`;
  });
}
