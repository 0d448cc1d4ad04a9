import type { Client } from "pg";
import type { Change } from "./change.ts";
import { OWN_TRIGGER_NAME, oldStyle, quoteName, quoteText, tableName } from "./change-sql.ts";
import { FUNCTION_ATTRIBUTES, MIGRATING, normaliserFunction, PENDING } from "./normaliser.ts";
import { RESTORE_TRIGGERS } from "./restore-triggers.ts";
import {
  assignFunction,
  confirmInsertFunction,
  deleteFunction,
  rekeyFunction,
  truncateFunction,
} from "./tracker.ts";

/** One of our triggers: `~` sorts after every ASCII letter, so it fires after the app's own. */
export interface RolloutTrigger {
  name: string;
  /** Function in schema rollout, without parentheses. */
  function: string;
  body: string;
  /** `CREATE TRIGGER <name> <this> EXECUTE FUNCTION …`. */
  clause: string;
}

export const NORMALISER = "~rollout_normalise";

/** The compatibility trigger: it maps old-style values as they come in. */
export function normaliser(change: Change): RolloutTrigger {
  const column = quoteName(change.column);
  return {
    name: NORMALISER,
    function: "normalise",
    body: normaliserFunction(change),
    clause:
      `BEFORE INSERT OR UPDATE OF ${column} ON ${tableName(change)} FOR EACH ROW ` +
      `WHEN (${oldStyle(change, `NEW.${column}`)} OR ${PENDING} <> '')`,
  };
}

/** All triggers of a change. Rekey comes before assign: one UPDATE may do both, and the undo follows in order. */
function rolloutTriggers(change: Change): RolloutTrigger[] {
  const table = tableName(change);
  const [column, key] = [quoteName(change.column), quoteName(change.key)];
  const users = `current_setting('${MIGRATING}', true) IS DISTINCT FROM 'on'`;
  const tracker = (name: string, event: string, level: string, when: string, body: string) => ({
    name: `~rollout_${name}`,
    function: name.replace(/^\d_/, "track_"),
    body,
    clause: `AFTER ${event} ON ${table} FOR EACH ${level} WHEN (${when})`,
  });
  const rekeyed = `OLD.${key} IS DISTINCT FROM NEW.${key} AND ${users}`;
  return [
    normaliser(change),
    tracker("1_rekey", `UPDATE OF ${key}`, "ROW", rekeyed, rekeyFunction(change)),
    tracker("2_insert", "INSERT", "ROW", `${PENDING} <> ''`, confirmInsertFunction(change)),
    tracker("3_assign", `UPDATE OF ${column}`, "ROW", users, assignFunction(change)),
    tracker("4_delete", "DELETE", "ROW", users, deleteFunction(change)),
    tracker("5_truncate", "TRUNCATE", "STATEMENT", users, truncateFunction()),
  ];
}

/** Creates or replaces the functions. They take no lock on the table. */
export function functionStatements(
  change: Change,
  ownerRole: string,
  triggers: readonly RolloutTrigger[] = rolloutTriggers(change),
): string {
  return triggers
    .map(({ function: name, body }) => {
      const signature = `rollout.${quoteName(name)}()`;
      return `
        CREATE OR REPLACE FUNCTION ${signature} RETURNS trigger ${FUNCTION_ATTRIBUTES} AS ${quoteText(body)};
        REVOKE ALL ON FUNCTION ${signature} FROM PUBLIC;
        ALTER FUNCTION ${signature} OWNER TO ${quoteName(ownerRole)};`;
    })
    .join("");
}

/** Creates triggers anew. The caller holds SHARE ROW EXCLUSIVE (ACCESS EXCLUSIVE if some are there already). */
export function triggerStatements(
  change: Change,
  triggers: readonly RolloutTrigger[] = rolloutTriggers(change),
): string {
  const table = tableName(change);
  return triggers
    .map(({ name, clause, function: body }) => {
      const trigger = quoteName(name);
      return `
        CREATE TRIGGER ${trigger} ${clause} EXECUTE FUNCTION rollout.${quoteName(body)}();
        ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${trigger};`;
    })
    .join("");
}

/** Takes the normaliser off, if it is there. The caller holds ACCESS EXCLUSIVE. */
export function dropNormaliserStatement(change: Change): string {
  return `DROP TRIGGER IF EXISTS ${quoteName(NORMALISER)} ON ${tableName(change)}`;
}

/** Removes whatever is there of our triggers. The caller holds ACCESS EXCLUSIVE. */
export function dropTriggerStatements(change: Change): string {
  return [...rolloutTriggers(change).map(({ name }) => name), ...RESTORE_TRIGGERS]
    .map((name) => `DROP TRIGGER IF EXISTS ${quoteName(name)} ON ${tableName(change)};`)
    .join("\n");
}

/** Our triggers on the table as they are now, by name; one that is not ENABLE ALWAYS says so. */
export async function readTriggers(client: Client, change: Change): Promise<Record<string, string>> {
  const { rows } = await client.query<{ name: string; definition: string }>(
    `SELECT t.tgname AS name,
            pg_get_triggerdef(t.oid) || CASE t.tgenabled WHEN 'A' THEN '' ELSE ' (not ENABLE ALWAYS)' END
              AS definition
     FROM pg_trigger t WHERE t.tgrelid = to_regclass($1) AND NOT t.tgisinternal AND t.tgname ~ '${OWN_TRIGGER_NAME}'`,
    [tableName(change)],
  );
  return Object.fromEntries(rows.map(({ name, definition }) => [name, definition]));
}

/** Functions of schema rollout whose body, owner or attributes are not what `change` asks for, by name. */
export async function changedFunctions(client: Client, change: Change, ownerRole: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string; body: string; sound: boolean }>(
    `SELECT p.proname AS name, p.prosrc AS body,
            p.prosecdef AND p.proconfig = ARRAY['search_path=pg_catalog, pg_temp']
              AND pg_get_userbyid(p.proowner) = $1 AS sound
     FROM pg_proc p WHERE p.pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'rollout')`,
    [ownerRole],
  );
  const there = new Map(rows.map((row) => [row.name, row]));
  return rolloutTriggers(change)
    .filter(({ function: name, body }) => there.get(name)?.body !== body || !there.get(name)?.sound)
    .map(({ function: name }) => name);
}
