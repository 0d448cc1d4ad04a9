import type { Client } from "pg";
import { safeServerMessage } from "../../errors/server-message.ts";
import { MAY_BECOME } from "../session-role.ts";
import { sqlState } from "../transaction.ts";
import type { Change } from "./change.ts";
import { quoteName, quoteText, tableName } from "./change-sql.ts";
import { describeRefusal, diagnose } from "./refusal.ts";

/** A role that may write to the table, and whether this session can try as it. */
export interface WritingRole {
  name: string;
  inserts: boolean;
  /** May read too, which an UPDATE of one row by its key needs. */
  updates: boolean;
  canSetRole: boolean;
}

/** SQLSTATE of each trial that failed, by role and operation; `ok` for those that went through. */
export type ProbeResults = Record<string, string>;

/** Roles that may log in and write to the table, most likely the application's. */
export async function readWritingRoles(client: Client, change: Change): Promise<WritingRole[]> {
  const { rows } = await client.query<WritingRole>(
    `SELECT r.rolname AS name, has_table_privilege(r.oid, c.oid, 'INSERT') AS inserts,
            has_table_privilege(r.oid, c.oid, 'UPDATE') AND has_table_privilege(r.oid, c.oid, 'SELECT') AS updates,
            pg_has_role(session_user, r.oid, ${MAY_BECOME}) AS "canSetRole"
     FROM pg_roles r, pg_class c
     WHERE c.oid = to_regclass($1) AND r.rolcanlogin AND (NOT r.rolsuper OR r.rolname = session_user)
       AND (has_table_privilege(r.oid, c.oid, 'INSERT') OR has_table_privilege(r.oid, c.oid, 'UPDATE'))
     ORDER BY 1`,
    [tableName(change)],
  );
  return rows;
}

/** An old-style value to try with; undefined when the change has no rule. NULL counts as a value. */
function trialValue({ normalise }: Change): { sql: string } | undefined {
  if (normalise.whenNull !== undefined) return { sql: "NULL" };
  const spelling = Object.keys(normalise.spellings)[0];
  return spelling === undefined ? undefined : { sql: quoteText(spelling) };
}

/** A row of the table as a text that is a value of its type, and its key: what the trials are made with. */
async function readModelRow(client: Client, change: Change) {
  const { rows } = await client.query<{ row: string; key: string }>(
    `SELECT t.*::text AS row, t.${quoteName(change.key)}::text AS key FROM ONLY ${tableName(change)} t LIMIT 1`,
  );
  return rows[0];
}

async function trialStatements(
  client: Client,
  change: Change,
): Promise<{ insert: string; update: string } | undefined> {
  const [model, value] = [await readModelRow(client, change), trialValue(change)];
  if (!model || !value) return undefined;
  const { rows } = await client.query<{ name: string }>(
    `SELECT attname AS name FROM pg_attribute
     WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum`,
    [tableName(change)],
  );
  const names = rows.map(({ name }) => quoteName(name));
  const values = rows.map(({ name }) => (name === change.column ? value.sql : `m.${quoteName(name)}`));
  const table = tableName(change);
  return {
    // Every column is given, so no sequence moves; the key is taken, so no row gets in.
    insert:
      `INSERT INTO ${table} (${names.join(", ")}) OVERRIDING SYSTEM VALUE SELECT ${values.join(", ")} ` +
      `FROM (SELECT (r.row).* FROM (SELECT ${quoteText(model.row)}::${table} AS row) AS r) AS m ON CONFLICT DO NOTHING`,
    update: `UPDATE ${table} SET ${quoteName(change.column)} = ${value.sql} WHERE ${quoteName(change.key)} = ${quoteText(model.key)}`,
  };
}

async function tryAs(client: Client, role: string, statement: string): Promise<string> {
  await client.query("SAVEPOINT probe");
  try {
    await client.query(`SET LOCAL ROLE ${quoteName(role)}; ${statement}`);
    return "ok";
  } catch (error) {
    const said = diagnose(error);
    const reason =
      said?.code.startsWith("P0") === true
        ? describeRefusal(said, []).reason
        : safeServerMessage(error as Error);
    return `${sqlState(error) ?? "?"} ${reason}`;
  } finally {
    await client.query("ROLLBACK TO SAVEPOINT probe; RELEASE SAVEPOINT probe");
  }
}

/**
 * Tries an old-style insert and update as every role that writes, each in a savepoint that is rolled back: nothing
 * stays, no sequence moves. To be called inside a transaction. A lock in the way shows as a failed trial.
 */
export async function probeWriters(
  client: Client,
  change: Change,
  roles: WritingRole[],
): Promise<ProbeResults> {
  const statements = await trialStatements(client, change);
  if (!statements) return {};
  const results: ProbeResults = {};
  for (const { name, inserts, updates, canSetRole } of roles) {
    if (!canSetRole) continue;
    if (inserts) results[`insert as ${name}`] = await tryAs(client, name, statements.insert);
    if (updates) results[`update as ${name}`] = await tryAs(client, name, statements.update);
  }
  return results;
}

/** A row that a user has locked (`SELECT … FOR UPDATE`) says nothing about the triggers. */
const IN_THE_WAY = /^(55P03|40P01) /;

/** Trials that went through before and fail after: what the triggers broke. */
export function brokenProbes(before: ProbeResults, after: ProbeResults): string[] {
  return Object.entries(after)
    .filter(([name, result]) => result !== "ok" && before[name] === "ok" && !IN_THE_WAY.test(result))
    .map(([name, result]) => `${name}: ${result}`);
}
