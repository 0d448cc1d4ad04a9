import type { Client } from "pg";
import { type Assignment, findAssignments } from "../sql/trigger-body.ts";
import type { Operation } from "../sql/trigger-expression.ts";
import type { Change } from "./change.ts";
import { OWN_TRIGGER_NAME, tableName } from "./change-sql.ts";
import type { NamedFact } from "./target-facts.ts";

/** What the application's BEFORE triggers do to the column, as far as it can be read. */
export interface AssigningTriggers {
  /** They assign it. */
  assigning: NamedFact[];
  /** They fire before the first or after the last of ours. */
  outside: NamedFact[];
  /** They may assign it: a whole row is assigned, or the function is in no language that is read. */
  unread: NamedFact[];
}

interface BeforeTrigger {
  name: string;
  function: string;
  language: string;
  body: string;
  args: string[];
  operations: Operation[];
  outside: boolean;
}

// tgtype: 1 = row, 2 = before, 4 = insert, 16 = update.
const BEFORE_ROW = `
  SELECT t.tgname AS name, p.proname AS function, l.lanname AS language, p.prosrc AS body,
         string_to_array(encode(t.tgargs, 'escape'), '\\000') AS args,
         array_remove(ARRAY[CASE WHEN t.tgtype & 4 <> 0 THEN 'INSERT' END,
                            CASE WHEN t.tgtype & 16 <> 0 THEN 'UPDATE' END], NULL) AS operations,
         t.tgname > '~rollout_normalise' OR t.tgname < '!rollout_asked' AS outside
  FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_language l ON l.oid = p.prolang
  WHERE t.tgrelid = to_regclass($1) AND NOT t.tgisinternal AND t.tgenabled <> 'D'
    AND t.tgname !~ '${OWN_TRIGGER_NAME}' AND t.tgtype & 3 = 3 AND t.tgtype & 20 <> 0
  ORDER BY 1`;

/** Trigger functions that come with PostgreSQL, and which of their arguments name columns that they assign. */
const SHIPPED: Record<string, (args: string[]) => string[]> = {
  suppress_redundant_updates_trigger: () => [],
  tsvector_update_trigger_byid: ([column = ""]) => [column],
  tsvector_update_trigger_bycolumn: ([column = ""]) => [column],
  moddatetime: ([column = ""]) => [column],
  insert_username: ([column = ""]) => [column],
  autoinc: (args) => args.filter((_, index) => index % 2 === 0),
  lo_manage: () => [],
  check_primary_key: () => [],
};

type Reading = Assignment[] | { unread: string };

async function readTrigger(trigger: BeforeTrigger, column: string): Promise<Reading> {
  const { language, body, args, operations } = trigger;
  if (language === "plpgsql") {
    return findAssignments(body, { column, operations }).catch((error: unknown) => ({
      unread: `not read: ${(error as Error).message}`,
    }));
  }
  const shipped = ["c", "internal"].includes(language) ? SHIPPED[body] : undefined;
  if (!shipped) return { unread: `not read: it is written in ${language}` };
  return shipped(args).includes(column) ? [{ line: 0, what: `NEW.${column}`, certain: true }] : [];
}

const showPlaces = (places: Assignment[]) =>
  places.map(({ line, what }) => (line > 0 ? `line ${line}: ${what}` : what)).join("; ");

/** Reads the BEFORE triggers and the bodies of their functions. Catalogues only. */
export async function readAssigningTriggers(client: Client, change: Change): Promise<AssigningTriggers> {
  const { rows } = await client.query<BeforeTrigger>(BEFORE_ROW, [tableName(change)]);
  const read: AssigningTriggers = { assigning: [], outside: [], unread: [] };
  for (const trigger of rows) {
    const { name, outside } = trigger;
    const call = `${trigger.function}()`;
    if (outside) read.outside.push({ name, detail: call });
    const reading = await readTrigger(trigger, change.column);
    if ("unread" in reading) read.unread.push({ name, detail: `${call}, ${reading.unread}` });
    else if (reading.some(({ certain }) => certain))
      read.assigning.push({
        name,
        detail: `${call}, ${showPlaces(reading.filter(({ certain }) => certain))}`,
      });
    else if (reading.length > 0) read.unread.push({ name, detail: `${call}, ${showPlaces(reading)}` });
  }
  return read;
}
