import type { Client } from "pg";
import { describeLeft } from "../../ledger/left.ts";
import { readRevisions, rememberStamp, writeRevisions } from "./alembic.ts";
import type { Change } from "./change.ts";
import { quoteName, subjectOf, tableName } from "./change-sql.ts";
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
import { ensureLeftTable, readLeft } from "./left-record.ts";
import { diagnose } from "./refusal.ts";
import { restoreFromCopy } from "./restore-from-copy.ts";
import { foreignDifferences, readTableState, type TableState } from "./table-state.ts";
import { NORMALISER } from "./triggers.ts";
import { undoObjectHere } from "./undo-objects.ts";

/** All rows at once, deferred constraints included. @returns undefined, and nothing is done, where one is refused. */
async function restoreAtOnce(client: Client, change: Change): Promise<number | undefined> {
  const [key, column] = [quoteName(change.key), quoteName(change.column)];
  await client.query("SAVEPOINT rows");
  try {
    const { rowCount } = await client.query(
      `UPDATE ONLY ${tableName(change)} AS t SET ${column} = b.raw FROM rollout.before AS b
       WHERE t.${key} = b.key AND t.${column} IS DISTINCT FROM b.raw`,
    );
    await client.query("SET CONSTRAINTS ALL IMMEDIATE; RELEASE SAVEPOINT rows");
    return rowCount ?? 0;
  } catch (error) {
    if (!diagnose(error)) throw error;
    await client.query("ROLLBACK TO SAVEPOINT rows");
    return undefined;
  }
}

async function restoreColumn(work: CopyWork): Promise<number> {
  const { client, change } = work;
  const alter = `ALTER TABLE ${tableName(change)}`;
  // Under the normaliser an old spelling would be mapped again. Nobody sees it off: the lock is held to the end.
  await client.query(`${alter} DISABLE TRIGGER ${quoteName(NORMALISER)}`);
  const restored = (await restoreAtOnce(client, change)) ?? (await restoreFromCopy(work));
  await client.query(
    `SET CONSTRAINTS ALL IMMEDIATE; ${alter} ENABLE ALWAYS TRIGGER ${quoteName(NORMALISER)}`,
  );
  return restored;
}

async function restoreConstraint(client: Client, change: Change, { constraint }: TableState): Promise<void> {
  const now = await readConstraint(client, change);
  const sql = constraintStatements(change);
  const drops = [
    ...(now.present && !constraint.present
      ? [{ subject: `CHECK ${change.constraint} on ${change.table}`, drop: sql.dropCheck }]
      : []),
    ...(now.notNull && !constraint.notNull
      ? [{ subject: `NOT NULL of ${subjectOf(change)}`, drop: sql.dropNotNull }]
      : []),
  ];
  for (const { subject, drop } of drops)
    await undoObjectHere(client, { step: "constraint", subject }, () => client.query(drop));
}

/** What is refused there is kept where the undo of the migration puts revisions back from. */
async function restoreRevisions(client: Client, change: Change, before: TableState): Promise<void> {
  const object = { step: "migration", subject: "the revision in alembic_version" };
  const now = await readRevisions(client, change);
  const [stamp] = now ?? [];
  if (!before.revisions || !now || now.join() === before.revisions.join()) return;
  if (stamp !== undefined) await rememberStamp(client, before.revisions, stamp);
  await undoObjectHere(client, object, async () => {
    await writeRevisions(client, change, before.revisions ?? []);
    await client.query("UPDATE rollout.change SET alembic_before = NULL, alembic_stamp = NULL");
  });
}

/**
 * Takes back what the command did to the column, its constraint and the revision, row by row from the copy, and
 * opens the table. Exact for these whatever the command did, since the table was closed to everybody else; what the
 * server refuses of it is left, on record, and the rest goes back.
 * @returns what it could not take back: rows that are gone or new, other changes of the schema; and what is left.
 */
export async function takeCopyBack(
  work: CopyWork,
): Promise<{ restored: number; foreign: string[]; left: string[] }> {
  const { client, change, lease } = work;
  await ensureLeftTable(client, lease);
  return locked(work, "ACCESS EXCLUSIVE", async () => {
    const before = await readState(client);
    await restoreConstraint(client, change, before);
    const restored = await restoreColumn(work);
    await restoreRevisions(client, change, before);
    const now = await readTableState(client, change);
    const gone = wrongRowLines(change, await readWrongRows(client, change, moved(change)));
    const foreign = await foreignDifferences(client, change, { before, now, moved: gone });
    await client.query(dropCopy(change));
    const left = (await readLeft(client, change)).map(describeLeft);
    return { restored, foreign, left };
  });
}
