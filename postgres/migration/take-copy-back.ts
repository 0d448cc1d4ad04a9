import type { Client } from "pg";
import { readRevisions, writeRevisions } from "./alembic.ts";
import type { Change } from "./change.ts";
import { quoteName, tableName } from "./change-sql.ts";
import {
  type CopyWork,
  dropCopy,
  locked,
  moved,
  readState,
  readWrongRows,
  wrongRowLines,
} from "./column-copy.ts";
import { constraintStatements, readConstraint } from "./constraint-ddl.ts";
import { foreignDifferences, readTableState, type TableState } from "./table-state.ts";
import { NORMALISER } from "./triggers.ts";

async function restoreColumn(client: Client, change: Change): Promise<number> {
  const [key, column] = [quoteName(change.key), quoteName(change.column)];
  const alter = `ALTER TABLE ${tableName(change)}`;
  // Under the normaliser an old spelling would be mapped again. Nobody sees it off: the lock is held to the end.
  await client.query(`${alter} DISABLE TRIGGER ${quoteName(NORMALISER)}`);
  const { rowCount } = await client.query(
    `UPDATE ONLY ${tableName(change)} AS t SET ${column} = b.raw FROM rollout.before AS b
     WHERE t.${key} = b.key AND t.${column} IS DISTINCT FROM b.raw`,
  );
  await client.query(
    `SET CONSTRAINTS ALL IMMEDIATE; ${alter} ENABLE ALWAYS TRIGGER ${quoteName(NORMALISER)}`,
  );
  return rowCount ?? 0;
}

async function restoreConstraint(client: Client, change: Change, { constraint }: TableState): Promise<void> {
  const now = await readConstraint(client, change);
  const sql = constraintStatements(change);
  const statements = [
    ...(now.present && !constraint.present ? [sql.dropCheck] : []),
    ...(now.notNull && !constraint.notNull ? [sql.dropNotNull] : []),
  ];
  if (statements.length > 0) await client.query(statements.join("; "));
}

/**
 * Takes back what the command did to the column, its constraint and the revision, row by row from the copy, and
 * opens the table. Exact for these whatever the command did, since the table was closed to everybody else.
 * @returns what it could not take back: rows that are gone or new, other changes of the schema.
 */
export async function takeCopyBack(work: CopyWork): Promise<{ restored: number; left: string[] }> {
  const { client, change } = work;
  return locked(work, "ACCESS EXCLUSIVE", async () => {
    const before = await readState(client);
    await restoreConstraint(client, change, before);
    const restored = await restoreColumn(client, change);
    const revisions = await readRevisions(client, change);
    if (before.revisions && revisions && revisions.join() !== before.revisions.join())
      await writeRevisions(client, change, before.revisions);
    const now = await readTableState(client, change);
    const gone = wrongRowLines(change, await readWrongRows(client, change, moved(change)));
    const left = await foreignDifferences(client, change, { before, now, moved: gone });
    await client.query(dropCopy(change));
    return { restored, left };
  });
}
