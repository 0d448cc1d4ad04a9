import type { Client } from "pg";
import { readRevisions, rememberStamp } from "./alembic.ts";
import type { Change } from "./change.ts";
import { mapped, subjectOf } from "./change-sql.ts";
import {
  type CopyWork,
  changed,
  dropCopy,
  locked,
  moved,
  readState,
  readWrongRows,
  wrongRowLines,
} from "./column-copy.ts";
import { markBackfilled } from "./one-transaction.ts";
import { foreignDifferences, readTableState } from "./table-state.ts";

/** Ways in which the table is not what the online way would have left. */
async function findFaults(client: Client, change: Change, revision: string | undefined): Promise<string[]> {
  const [before, now] = [await readState(client), await readTableState(client, change)];
  const { present, asWanted, validated, notNull } = now.constraint;
  const gone = wrongRowLines(change, await readWrongRows(client, change, moved(change)));
  const stamped = now.revisions === null || revision === undefined || now.revisions.join() === revision;
  return [
    ...wrongRowLines(change, await readWrongRows(client, change, changed(change))),
    ...(present && asWanted && validated
      ? []
      : [`no validated CHECK ${change.constraint} with the allowed values`]),
    ...(notNull ? [] : [`${subjectOf(change)} accepts NULL`]),
    ...(stamped ? [] : [`alembic_version ${now.revisions?.join(", ") || "empty"}, not ${revision}`]),
    ...(await foreignDifferences(client, change, { before, now, moved: gone })),
  ];
}

async function writeJournal(client: Client, change: Change, batchSize: number): Promise<void> {
  const became = mapped(change, "raw");
  await client.query(
    `INSERT INTO rollout.journal (raw, became, keys)
     SELECT raw, became, array_agg(key ORDER BY key) FROM (
       SELECT key, raw, ${became} AS became, (row_number() OVER (PARTITION BY raw ORDER BY key) - 1) / $1 AS part
       FROM rollout.before WHERE raw IS DISTINCT FROM ${became}) AS changed
     GROUP BY raw, became, part ORDER BY part`,
    [batchSize],
  );
}

async function keepStamp(client: Client, change: Change): Promise<void> {
  const { revisions: before } = await readState(client);
  const now = await readRevisions(client, change);
  if (before && now && now[0] !== undefined && now.join() !== before.join())
    await rememberStamp(client, before, now[0]);
}

/**
 * Compares the whole table with what the change makes of the copy. When it is that, the journal is written from the
 * copy and the table opened, in the same transaction: from then on it is as after the online way.
 * @returns what differs; nothing was changed then.
 */
export async function settleCopy(
  work: CopyWork,
  { batchSize, revision }: { batchSize: number; revision: string | undefined },
): Promise<string[]> {
  const { client, change } = work;
  return locked(work, "ACCESS EXCLUSIVE", async () => {
    const faults = await findFaults(client, change, revision);
    if (faults.length > 0) return faults;
    await writeJournal(client, change, batchSize);
    await keepStamp(client, change);
    await markBackfilled(client, change);
    await client.query(dropCopy(change));
    return [];
  });
}
