import type { Client } from "pg";
import type { ChangeRecord } from "./change-record.ts";
import { quoteName, quoteText, tableName } from "./change-sql.ts";
import type { TableWork } from "./expand.ts";
import type { Entry, Fate } from "./fate.ts";
import {
  CHANGED_ON_THE_WAY,
  ChangedOnTheWay,
  type Diagnosis,
  GENERAL,
  IN_THE_WAY,
  SKIPPED,
} from "./refusal.ts";
import {
  readSideColumns,
  type SideChange,
  type SideColumn,
  sideAssignment,
  sidesLeft,
} from "./side-columns.ts";

export interface RestoreWork extends TableWork {
  record: ChangeRecord;
  reaffirmed: "keep" | "restore";
  batchSize: number;
  /** Connections that restore at the same time, the first one being `client`. */
  clients: Client[];
  /** Triggers of the application fire on our updates. */
  fires: boolean;
}

/** An entry of the journal, with what triggers of the application made of the row's other columns. */
export interface JournalEntry extends Entry {
  side: SideChange | null;
}

/** Reason of what triggers wrote elsewhere while we restored: the way back is not held up by it. */
export const STRAYED = "written by triggers or rules of the table that the restore fired: stays";

/** An entry, and what is to become of its row. */
export interface Judged {
  entry: JournalEntry;
  fate: Fate;
}

/** What became of the rows that were to be given their originals back, each by its key of now. */
export interface Written {
  /** Those that have it, with the names of other columns that a user has written since. */
  done: Map<string, { left: string[] }>;
  /** Those that the server refused. A row in neither has changed without the tracker's knowing. */
  refused: Map<string, Diagnosis>;
}

/** Columns that the journal says a trigger has changed, as far as the table still has them. */
async function journalledColumns(
  client: Client,
  work: RestoreWork,
  restored: Judged[],
): Promise<SideColumn[]> {
  const names = new Set(restored.flatMap(({ entry }) => Object.keys(entry.side ?? {})));
  if (names.size === 0) return [];
  return (await readSideColumns(client, work.change)).filter(({ name }) => names.has(name));
}

/** Text goes into a column of text by itself, with its length checked; into another type (an enum by now) by a cast. */
async function originalAs(client: Client, { change }: RestoreWork): Promise<string> {
  const { rows } = await client.query<{ type: string }>(
    `SELECT format_type(a.atttypid, NULL) AS type FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
     WHERE a.attrelid = to_regclass($1) AND a.attname = $2 AND NOT a.attisdropped AND t.typcategory <> 'S'`,
    [tableName(change), change.column],
  );
  return rows[0] ? `e.raw::${rows[0].type}` : "e.raw";
}

interface RestoreShape {
  sides: SideColumn[];
  /** Expression of the original, as the column takes it. */
  original: string;
}

const readShape = async (client: Client, work: RestoreWork, restored: Judged[]): Promise<RestoreShape> => ({
  sides: await journalledColumns(client, work, restored),
  original: await originalAs(client, work),
});

/** @param source of the entries: key, raw, became, side. */
function restoreStatement(
  { change }: RestoreWork,
  { sides, original }: RestoreShape,
  source: string,
): string {
  const column = quoteName(change.column);
  const assignments = [`${column} = ${original}`, ...sides.map((side) => sideAssignment(side, "e.side"))];
  return `
    UPDATE ONLY ${tableName(change)} AS t SET ${assignments.join(", ")}
    FROM ${source} AS e (key, raw, became, side)
    WHERE t.${quoteName(change.key)} = e.key AND t.${column}::text IS NOT DISTINCT FROM e.became
    RETURNING e.key::text AS key, ${sidesLeft(sides, "e.side")} AS left,
      t.${column}::text IS NOT DISTINCT FROM e.raw AS exact`;
}

const columnsOf = (restored: Judged[]) => [
  restored.map(({ fate }) => fate.key),
  restored.map(({ entry }) => entry.raw),
  restored.map(({ entry }) => entry.became),
  restored.map(({ entry }) => entry.side && JSON.stringify(entry.side)),
];

/** All of them in one statement: either all or none. @throws what the server says, or {ChangedOnTheWay}. */
export async function writeTogether(client: Client, work: RestoreWork, restored: Judged[]): Promise<Written> {
  const source = `unnest($1::${work.record.keyType}[], $2::text[], $3::text[], $4::jsonb[])`;
  const statement = restoreStatement(work, await readShape(client, work, restored), source);
  const { rows } = await client.query<{ key: string; left: string[]; exact: boolean }>(
    statement,
    columnsOf(restored),
  );
  if (rows.some(({ exact }) => !exact)) throw new ChangedOnTheWay();
  const done = new Map(rows.map(({ key, left }) => [key, { left }]));
  return { done, refused: await findUnwritten(client, work, restored, done) };
}

/** Transaction-local texts by which the block below gets its rows and gives the outcomes. */
const ROWS = "rollout.rows";
const OUTCOMES = "rollout.outcomes";

/**
 * A block that tries each row in a subtransaction of its own, deferred constraints included: one round trip, and a
 * cost that grows with the rows, however many of them are refused. It makes no object: an event trigger of the
 * application that forbids to make or drop one has no say in it.
 */
function rowsBlock(work: RestoreWork, shape: RestoreShape, patient: boolean): string {
  const { keyType } = work.record;
  const one = `(SELECT ("~given" ->> 'key')::${keyType}, "~given" ->> 'raw', "~given" ->> 'became', nullif("~given" -> 'side', 'null'))`;
  const body = `
DECLARE
  "~row" record; "~given" jsonb; "~outcomes" jsonb[] := '{}';
  "~code" text; "~constraint" text; "~column" text; "~type" text; "~where" text;
BEGIN
  FOR "~given" IN SELECT jsonb_array_elements(current_setting('${ROWS}')::jsonb) LOOP
    BEGIN
      ${restoreStatement(work, shape, one)} INTO "~row";
      CONTINUE WHEN NOT FOUND;
      IF NOT "~row".exact THEN RAISE EXCEPTION USING ERRCODE = '${CHANGED_ON_THE_WAY}'; END IF;
      SET CONSTRAINTS ALL IMMEDIATE;
      "~outcomes" := "~outcomes" || jsonb_build_object('key', "~row".key, 'left', "~row".left);
    EXCEPTION WHEN OTHERS OR assert_failure THEN
      GET STACKED DIAGNOSTICS "~code" = RETURNED_SQLSTATE, "~constraint" = CONSTRAINT_NAME,
        "~column" = COLUMN_NAME, "~type" = PG_DATATYPE_NAME, "~where" = PG_EXCEPTION_CONTEXT;
      IF "~code" ~ '${GENERAL}' OR ${patient} AND "~code" ~ '${IN_THE_WAY}' THEN RAISE; END IF;
      "~outcomes" := "~outcomes" || jsonb_build_object('key', "~given" ->> 'key', 'code', "~code",
        'constraint', "~constraint", 'column', "~column", 'dataType', "~type", 'where', "~where");
    END;
  END LOOP;
  PERFORM set_config('${OUTCOMES}', to_jsonb("~outcomes")::text, true);
END`;
  return `DO ${quoteText(body)}`;
}

type RowOutcome = { key: string } & ({ left: string[]; code?: never } | (Diagnosis & { left?: never }));

/**
 * Each for itself: what one is refused keeps none of the others from going back.
 * @param patient what is only in the way for now is thrown, as with `writeTogether`; else it is a refusal.
 */
export async function writeOneByOne(
  client: Client,
  work: RestoreWork,
  restored: Judged[],
  { patient }: { patient: boolean },
): Promise<Written> {
  const given = restored.map(({ fate, entry: { raw, became, side } }) => ({
    key: fate.key,
    raw,
    became,
    side,
  }));
  await client.query("SELECT set_config($1, $2, true)", [ROWS, JSON.stringify(given)]);
  await client.query(rowsBlock(work, await readShape(client, work, restored), patient));
  const { rows } = await client.query<{ outcomes: string }>("SELECT current_setting($1) AS outcomes", [
    OUTCOMES,
  ]);
  const written: Written = { done: new Map(), refused: new Map() };
  for (const outcome of JSON.parse(rows[0]?.outcomes ?? "[]") as RowOutcome[]) {
    if (outcome.code === undefined) written.done.set(outcome.key, { left: outcome.left });
    else written.refused.set(outcome.key, outcome);
  }
  for (const [key, why] of await findUnwritten(client, work, restored, written.done))
    if (!written.refused.has(key)) written.refused.set(key, why);
  return written;
}

/**
 * Rows that the statement passed by although they are as they were: a trigger, a rule or a policy swallowed the
 * update. One that a policy hides may be there or not: nobody can tell, so it counts as left.
 */
async function findUnwritten(
  client: Client,
  { change, record }: RestoreWork,
  restored: Judged[],
  done: ReadonlyMap<string, unknown>,
): Promise<Map<string, Diagnosis>> {
  const missing = restored.filter(({ fate }) => !done.has(fate.key));
  if (missing.length === 0) return new Map();
  const [key, column] = [quoteName(change.key), quoteName(change.column)];
  const { rows } = await client.query<{ key: string }>(
    `SELECT e.key::text AS key FROM unnest($1::${record.keyType}[], $2::text[]) AS e (key, became)
     LEFT JOIN ONLY ${tableName(change)} AS t ON t.${key} = e.key
     WHERE CASE WHEN t.${key} IS NULL THEN row_security_active($3::text)
                ELSE t.${column}::text IS NOT DISTINCT FROM e.became END`,
    [missing.map(({ fate }) => fate.key), missing.map(({ entry }) => entry.became), tableName(change)],
  );
  return new Map(rows.map((row) => [row.key, { code: SKIPPED }]));
}

/** Something that the undo left as it is. */
export interface Kept {
  since: number;
  key: string;
  raw: string | null;
  reason: string;
}

/** Everything about an entry that was not brought back, each with its reason; what was refused is not among it. */
export function keptOf({ entry, fate }: Judged, { done, refused }: Written): Kept[] {
  const kept = (reason: string) => ({ since: entry.since, key: fate.key, raw: entry.raw, reason });
  if (fate.verdict === "keep" || fate.verdict === "gone") return [kept(fate.reason)];
  if (fate.verdict !== "restore" || refused.has(fate.key)) return [];
  const left = done.get(fate.key)?.left;
  if (!left) return [kept("changed or deleted unseen by the tracker")];
  return left.map((name) => kept(`column ${name} written since: kept`));
}
