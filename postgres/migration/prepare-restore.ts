import { withTableLock } from "../lock-retry.ts";
import { firingTriggers, readUpdateTriggers } from "./app-triggers.ts";
import { quoteName, tableName } from "./change-sql.ts";
import type { TableWork } from "./expand.ts";
import { restoreTriggerStatements } from "./restore-triggers.ts";
import { NORMALISER, readTriggers } from "./triggers.ts";

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
  const fires = firingTriggers(await readUpdateTriggers(client, change), appTriggers).length > 0;
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
