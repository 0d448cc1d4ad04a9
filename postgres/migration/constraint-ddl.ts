import type { Client } from "pg";
import type { LeftThing } from "../../ledger/left.ts";
import { withTableLock } from "../lock-retry.ts";
import { inTransaction } from "../transaction.ts";
import type { Change } from "./change.ts";
import { quoteName, quoteText, subjectOf, tableName } from "./change-sql.ts";
import type { TableWork } from "./expand.ts";
import { diagnose } from "./refusal.ts";
import { helperName } from "./target-findings.ts";
import { undoObject } from "./undo-objects.ts";

/** The constraint as the catalogue has it. */
export interface ConstraintState {
  present: boolean;
  validated: boolean;
  /** True when its definition allows just the values of the change. */
  asWanted: boolean;
  notNull: boolean;
  /** Helper check for SET NOT NULL: there only between two statements. */
  helper: boolean;
}

/** Reads what `pg_constraint` and the column say. Catalogues only. */
export async function readConstraint(client: Client, change: Change): Promise<ConstraintState> {
  const { rows } = await client.query<{ name: string; validated: boolean; definition: string }>(
    `SELECT conname AS name, convalidated AS validated, pg_get_expr(conbin, conrelid) AS definition
     FROM pg_constraint WHERE conrelid = to_regclass($1) AND contype = 'c' AND conname = ANY ($2)`,
    [tableName(change), [change.constraint, helperName(change)]],
  );
  const column = await client.query<{ notNull: boolean }>(
    `SELECT attnotnull AS "notNull" FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = $2`,
    [tableName(change), change.column],
  );
  const check = rows.find(({ name }) => name === change.constraint);
  return {
    present: check !== undefined,
    validated: check?.validated ?? false,
    asWanted: check !== undefined && sameValues(check.definition, change),
    notNull: column.rows[0]?.notNull ?? false,
    helper: rows.some(({ name }) => name === helperName(change)),
  };
}

/** The string literals of the catalogue's expression are the allowed values, and the column is the only name. */
function sameValues(definition: string, change: Change): boolean {
  const literals = [...definition.matchAll(/'((?:[^']|'')*)'::/g)].map(([, text]) =>
    text?.replaceAll("''", "'"),
  );
  const rest = definition.replaceAll(/'(?:[^']|'')*'/g, "");
  if (!rest.includes(change.column)) return false;
  const alike = new Set(literals).size === new Set(change.allowed).size;
  return (
    alike &&
    change.allowed.every((v) => literals.includes(v)) &&
    rest.includes("= ") &&
    !/\b(or|not|and)\b/i.test(rest)
  );
}

/** The statements in order, each with the lock it takes: what preview shows and what `apply` runs. */
export function constraintStatements(change: Change) {
  const table = `ALTER TABLE ${tableName(change)}`;
  const [column, check, helper] = [change.column, change.constraint, helperName(change)].map(quoteName);
  const values = change.allowed.map(quoteText).join(", ");
  return {
    check: `ADD CONSTRAINT ${check} CHECK (${column} IN (${values})) NOT VALID`,
    helper: `ADD CONSTRAINT ${helper} CHECK (${column} IS NOT NULL) NOT VALID`,
    add: (clauses: string[]) => `${table} ${clauses.join(", ")}`,
    validate: (names: string[]) =>
      `${table} ${names.map((n) => `VALIDATE CONSTRAINT ${quoteName(n)}`).join(", ")}`,
    setNotNull: `${table} ALTER COLUMN ${column} SET NOT NULL`,
    dropNotNull: `${table} ALTER COLUMN ${column} DROP NOT NULL`,
    dropHelper: `${table} DROP CONSTRAINT IF EXISTS ${helper}`,
    dropCheck: `${table} DROP CONSTRAINT IF EXISTS ${check}`,
  };
}

async function underLock(work: TableWork, statement: string): Promise<void> {
  const { client, change } = work;
  await withTableLock(client, { ...work, table: tableName(change), mode: "ACCESS EXCLUSIVE" }, () =>
    client.query(statement),
  );
}

async function addChecks(work: TableWork, state: ConstraintState): Promise<void> {
  const sql = constraintStatements(work.change);
  if (state.present && !state.asWanted) await underLock(work, sql.dropCheck);
  const clauses = [
    ...(state.present && state.asWanted ? [] : [sql.check]),
    ...(state.notNull || state.helper ? [] : [sql.helper]),
  ];
  if (clauses.length > 0) await underLock(work, sql.add(clauses));
}

/** Scans the table once for both, beside readers and writers. */
async function validateChecks(work: TableWork, state: ConstraintState): Promise<void> {
  const { client, change, lease } = work;
  const names = [
    ...(state.present && state.asWanted && state.validated ? [] : [change.constraint]),
    ...(state.notNull ? [] : [helperName(change)]),
  ];
  if (names.length === 0) return;
  await inTransaction(client, { lease }, () => client.query(constraintStatements(change).validate(names)));
}

/**
 * CHECK and NOT NULL, from wherever an earlier run stopped. Three statements under ACCESS EXCLUSIVE, each a change
 * of the catalogue alone: SET NOT NULL finds the validated helper and scans nothing, as long as the helper is
 * dropped by a statement of its own.
 * @throws the server's 23514 when a row violates it; the caller names the rows.
 */
export async function addConstraint(work: TableWork): Promise<void> {
  const before = await readConstraint(work.client, work.change);
  await addChecks(work, before);
  await validateChecks(work, before);
  const sql = constraintStatements(work.change);
  if (!before.notNull) await underLock(work, sql.setNotNull);
  if (!before.notNull || before.helper) await underLock(work, sql.dropHelper);
}

/**
 * Takes CHECK and NOT NULL off again, whichever of them is there; what the server does not let go keeps neither of them
 * from going. @returns what was taken off, and what is left.
 */
export async function dropConstraint(
  work: TableWork,
  { keepNotNull }: { keepNotNull: boolean },
): Promise<{ dropped: string[]; left: LeftThing[] }> {
  const { client, change } = work;
  const state = await readConstraint(client, change);
  const sql = constraintStatements(change);
  const objects = [
    { subject: `CHECK ${change.constraint} on ${change.table}`, stands: state.present, drop: sql.dropCheck },
    { subject: `CHECK ${helperName(change)} on ${change.table}`, stands: state.helper, drop: sql.dropHelper },
    {
      subject: `NOT NULL of ${subjectOf(change)}`,
      stands: state.notNull && !keepNotNull,
      drop: sql.dropNotNull,
    },
  ];
  const standing = objects.filter(({ stands }) => stands).map(({ drop }) => drop);
  // One lock for all of them, unless one is refused.
  const atOnce =
    standing.length > 0 && (await underLock(work, standing.join("; ")).then(() => true, ifRefused));
  const left: LeftThing[] = [];
  for (const { subject, stands, drop } of objects) {
    const kept = await undoObject(work, { step: "constraint", subject }, async () => {
      if (stands && !atOnce) await underLock(work, drop);
      return undefined;
    });
    if (kept) left.push(kept);
  }
  return { dropped: standing, left };
}

/** Then each is tried for itself. @throws what is no word about an object. */
function ifRefused(error: unknown): false {
  if (diagnose(error)) return false;
  throw error;
}
