import type { Client } from "pg";
import { withTableLock } from "../lock-retry.ts";
import { firingTriggers, readUpdateTriggers } from "./app-triggers.ts";
import type { Change } from "./change.ts";
import { quoteName, tableName } from "./change-sql.ts";
import type { TableWork } from "./expand.ts";
import { restoreTriggerStatements } from "./restore-triggers.ts";
import { NORMALISER, readTriggers } from "./triggers.ts";

async function hasRules(client: Client, change: Change): Promise<boolean> {
  const { rowCount } = await client.query("SELECT FROM pg_rewrite WHERE ev_class = to_regclass($1) LIMIT 1", [
    tableName(change),
  ]);
  return rowCount === 1;
}

/**
 * Normaliser off, tracker stays: from here on old-style values stay as they are written. Where triggers of the
 * application will fire on our updates, two of ours go around them, whatever the configuration said when the change
 * was made: a trigger may have come since. No reader is in the way of either.
 * @returns whether triggers of the application will fire.
 */
export async function prepareRestore(work: TableWork): Promise<boolean> {
  const { client, change, appTriggers } = work;
  const table = tableName(change);
  const stands = (await readTriggers(client, change))[NORMALISER] !== undefined;
  const triggers = firingTriggers(await readUpdateTriggers(client, change), appTriggers);
  // A rule that came since writes elsewhere as a trigger does: what it wrote is to be told.
  const fires = triggers.length > 0 || (await hasRules(client, change));
  const statements = [
    ...(stands ? [`ALTER TABLE ${table} DISABLE TRIGGER ${quoteName(NORMALISER)}`] : []),
    ...(fires ? [restoreTriggerStatements(change)] : []),
  ];
  if (statements.length === 0) return fires;
  await withTableLock(client, { ...work, table, mode: "SHARE ROW EXCLUSIVE" }, () =>
    client.query(statements.join(";\n")),
  );
  return fires;
}
