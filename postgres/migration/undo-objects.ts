import type { Client } from "pg";
import type { LeftThing } from "../../ledger/left.ts";
import type { Lease } from "../../steps/step.ts";
import { inTransaction } from "../transaction.ts";
import type { Change } from "./change.ts";
import { quoteName, subjectOf, tableName } from "./change-sql.ts";
import { forgetLeftObject, recordLeftObject, remembersLeft } from "./left-record.ts";
import { describeRefusal, diagnose, type Refusal } from "./refusal.ts";

/** One object that an undo puts back or takes off. */
export interface UndoneObject {
  step: string;
  /** Its name for people, the same in every run. */
  subject: string;
}

interface Recorder {
  client: Client;
  lease: Lease | undefined;
  log(line: string): void;
}

/** The object stays as it is, on record where schema rollout can keep one. */
async function leave(
  { client, lease, log }: Recorder,
  { step, subject }: UndoneObject,
  refusal: Refusal,
): Promise<LeftThing> {
  const { code, reason, remedy } = refusal;
  log(`${step}: ${subject} is left as it is: ${reason}`);
  if (await remembersLeft(client))
    await inTransaction(client, { lease }, () => recordLeftObject(client, { step, subject, refusal }));
  return { step, subject, reason, code, remedy, count: 1, keys: [] };
}

async function forget({ client, lease }: Recorder, subject: string): Promise<void> {
  if (!(await remembersLeft(client))) return;
  await inTransaction(client, { lease }, () => forgetLeftObject(client, subject));
}

/**
 * Puts one object back, in a transaction of its own: what the server refuses of it keeps nothing else from going back.
 * @param act a refusal as its value stands for one that no server says.
 * @returns what is left; undefined when it is done.
 * @throws everything that is no word about the object: a lost connection or lease, a cancel, a lock.
 */
export async function undoObject(
  work: Recorder,
  object: UndoneObject,
  act: () => Promise<Refusal | undefined>,
): Promise<LeftThing | undefined> {
  const refusal = await act().catch((error: unknown) => {
    const said = diagnose(error);
    if (!said) throw error;
    return describeRefusal(said, []);
  });
  if (refusal) return leave(work, object, refusal);
  await forget(work, object.subject);
  return undefined;
}

/** The same within the transaction at hand, which goes on. */
export async function undoObjectHere(
  client: Client,
  object: UndoneObject,
  act: () => Promise<unknown>,
): Promise<void> {
  await client.query("SAVEPOINT object");
  try {
    await act();
    await client.query("RELEASE SAVEPOINT object");
    await forgetLeftObject(client, object.subject);
  } catch (error) {
    const said = diagnose(error);
    if (!said) throw error;
    await client.query("ROLLBACK TO SAVEPOINT object");
    await recordLeftObject(client, { ...object, refusal: describeRefusal(said, []) });
  }
}

/** Where our tracker stands now: it follows the table and its columns under whatever name. */
const TRACKED = `
  SELECT t.tgname AS trigger, t.tgrelid::regclass::text AS table, c.relname AS name,
         c.relnamespace::regnamespace::text AS schema,
         (SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = t.tgrelid AND attnum = t.tgattr[0]) AS column
  FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid
  WHERE p.pronamespace = to_regnamespace('rollout') AND t.tgname IN ('~rollout_3_assign', '~rollout_1_rekey')`;

interface Tracked {
  trigger: string;
  /** With its schema, quoted. */
  table: string;
  name: string;
  schema: string;
  column: string;
}

function goneTable(change: Change, tracked: Tracked | undefined): Refusal {
  const { schema = "", name = "", table = "" } = tracked ?? {};
  const away = schema !== change.schema ? `SET SCHEMA ${quoteName(change.schema)}` : undefined;
  const other = name !== change.table ? `RENAME TO ${quoteName(change.table)}` : undefined;
  const back = [away, other].flatMap((each) => (each ? [`ALTER TABLE ${table} ${each}`] : []));
  const called = subjectOf(change).slice(0, -change.column.length - 1);
  return gone("42P01", `table ${called}`, tracked?.table, back.join(", then the rest of the name: "));
}

function gone(code: string, what: string, now: string | undefined, rename: string): Refusal {
  const reason = now ? `${what} is called ${now} now` : `there is no ${what}`;
  const remedy = now
    ? `Rename it back: ${rename}.`
    : "Bring it back under its name, or accept that it is gone.";
  return { code, obstacle: null, reason, remedy };
}

/**
 * Whether the table is still there to be restored, with column and key. @returns what became of it; undefined while
 * all of it is there.
 */
export async function findLostTarget(client: Client, change: Change): Promise<Refusal | undefined> {
  const table = tableName(change);
  const { rows } = await client.query<{ table: boolean; columns: string[] }>(
    `SELECT to_regclass($1) IS NOT NULL AS table,
            ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass($1) AND NOT attisdropped) AS columns`,
    [table],
  );
  const there = rows[0];
  const tracked = (await client.query<Tracked>(TRACKED)).rows;
  if (!there?.table) return goneTable(change, tracked[0]);
  for (const [name, trigger] of [
    [change.column, "~rollout_3_assign"],
    [change.key, "~rollout_1_rekey"],
  ] as const) {
    if (there.columns.includes(name)) continue;
    const now = tracked.find((each) => each.trigger === trigger)?.column;
    const rename = `ALTER TABLE ${table} RENAME COLUMN ${now} TO ${quoteName(name)}`;
    return gone("42703", `column ${name} of ${change.table}`, now, rename);
  }
  return undefined;
}
