import type { Client } from "pg";
import { type SchemaSnapshot, snapshotSchema } from "../schema-snapshot.ts";
import { readRevisions } from "./alembic.ts";
import type { Change } from "./change.ts";
import { rowText, tableName } from "./change-sql.ts";
import { type ConstraintState, readConstraint } from "./constraint-ddl.ts";

/** What the application's own command may change beside rows: as it is before, to be compared afterwards. */
export interface TableState {
  constraint: ConstraintState;
  /** Null where there is no alembic_version. */
  revisions: string[] | null;
  schema: SchemaSnapshot;
  /** Digest of all columns but that of the change. */
  otherColumns: string;
}

/** Schema rollout and the triggers that call its functions come and go with our own work. */
const OURS = /^rollout[. ]|\brollout\./;

async function digestOtherColumns(client: Client, change: Change): Promise<string> {
  const { rows: others } = await client.query<{ name: string }>(
    `SELECT a.attname AS name FROM pg_attribute AS a
     WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> $2 ORDER BY a.attnum`,
    [tableName(change), change.column],
  );
  const text = rowText(
    "t",
    others.map(({ name }) => name),
  );
  const { rows } = await client.query<{ digest: string | null }>(
    `SELECT sum(hashtextextended(${text}, 0))::text AS digest FROM ONLY ${tableName(change)} AS t`,
  );
  return rows[0]?.digest ?? "";
}

export async function readTableState(client: Client, change: Change): Promise<TableState> {
  const schema = await snapshotSchema(client);
  const theirs = Object.entries(schema).map(([kind, lines]) => [kind, lines.filter((l) => !OURS.test(l))]);
  return {
    constraint: await readConstraint(client, change),
    revisions: (await readRevisions(client, change)) ?? null,
    schema: Object.fromEntries(theirs) as SchemaSnapshot,
    otherColumns: await digestOtherColumns(client, change),
  };
}

/** The lines of the schema without what the change itself is: its CHECK, and NOT NULL of its column. */
async function withoutChange(client: Client, change: Change, schema: SchemaSnapshot): Promise<string[]> {
  const { rows } = await client.query("SELECT to_regclass($1)::text AS name", [tableName(change)]);
  const check = `${change.constraint} on ${rows[0]?.name}: `;
  const column = `${change.schema}.${change.table}.${change.column} type `;
  return Object.entries(schema)
    .flatMap(([kind, lines]) => lines.map((line) => ({ kind, line })))
    .filter(({ kind, line }) => kind !== "constraints" || !line.startsWith(check))
    .map(({ kind, line }) =>
      kind === "columns" && line.startsWith(column) ? line.replace(/ notnull [tf] /, " ") : line,
    );
}

/** What of the schema differs beside the change itself, one line each: `added …`, `missing …`. */
async function schemaDifferences(
  client: Client,
  change: Change,
  { before, now }: { before: SchemaSnapshot; now: SchemaSnapshot },
): Promise<string[]> {
  const [had, has] = [await withoutChange(client, change, before), await withoutChange(client, change, now)];
  const [known, there] = [new Set(had), new Set(has)];
  return [
    ...has.filter((line) => !known.has(line)).map((line) => `added ${line}`),
    ...had.filter((line) => !there.has(line)).map((line) => `missing ${line}`),
  ];
}

/**
 * What differs that the change does not ask for and that can't be taken back: rows that came or went (`moved`, told
 * by who knows them), the schema, other columns. The last is told only where it follows from none of the others.
 */
export async function foreignDifferences(
  client: Client,
  change: Change,
  { before, now, moved }: { before: TableState; now: TableState; moved: readonly string[] },
): Promise<string[]> {
  const schema = await schemaDifferences(client, change, { before: before.schema, now: now.schema });
  const others = before.otherColumns === now.otherColumns || moved.length > 0 || schema.length > 0;
  return [
    ...moved,
    ...schema,
    ...(others ? [] : [`other columns of ${tableName(change)} hold other values`]),
  ];
}
