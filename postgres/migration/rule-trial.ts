import type { Client } from "pg";
import { inTransaction, sqlState } from "../transaction.ts";
import type { Change } from "./change.ts";
import { mapped, oldStyle, quoteName, subjectOf } from "./change-sql.ts";
import { type ColumnRule, readTableRules, type TableRules, trialRows } from "./column-rules.ts";
import { showRows } from "./estimate.ts";
import type { Risk } from "./risks.ts";

/** Longest time for one rule; what is not known by then is not taken for fine. */
const TIMEOUT_MS = 60_000;
const KEYS_SHOWN = 5;

/** Name of the mark on the rows that will be changed: none that a column has. */
function markOf({ columns }: TableRules): string {
  let mark = "is changed";
  while (columns.some(({ name }) => name === mark)) mark += "!";
  return mark;
}

/** What came of trying one rule on the rows as they will be. */
type Trial =
  | { outcome: "holds" }
  | { outcome: "breaks"; rows: number; keys: string[]; sql: string }
  | { outcome: "fails"; state: string; key: string | undefined; sql: string }
  | { outcome: "unknown"; why: string; sql: string };

interface TrialContext {
  client: Client;
  table: TableRules;
  change: Change;
  timeoutMs: number;
}

const oneLine = (sql: string) => sql.replaceAll(/\s+/g, " ").trim();

/** Rows of the table with their mapped values; `only` those that will be changed. */
function mappedRows({ table, change }: TrialContext, rule: ColumnRule, only: boolean) {
  const column = quoteName(change.column);
  const changed = oldStyle(change, column);
  return trialRows(table, change, [rule.condition, rule.worksOut ?? "true", ...rule.elements], {
    value: mapped(change, column),
    where: only ? changed : "true",
    more: only ? {} : { [markOf(table)]: changed },
  });
}

/** Rows that would break the rule, by their key. */
async function breakingRows(context: TrialContext, rule: ColumnRule): Promise<string> {
  const key = quoteName(context.change.key);
  const { condition, elements, kind, operators, nullsDistinct, worksOut } = rule;
  const rows = await mappedRows(context, rule, elements.length === 0);
  // Never true: but the value has to be worked out for it.
  const comesOut = worksOut === undefined ? "" : `length((${worksOut})::text) < 0 OR `;
  if (elements.length === 0)
    return `SELECT ${key} AS key FROM ${rows} WHERE ${comesOut}(${condition}) IS FALSE`;
  const names = elements.map((_, index) => `e${index + 1}`);
  const compared = elements.map((text, index) => `(${text}) AS ${names[index]}`).join(", ");
  const ruled = `SELECT ${key} AS key, ${quoteName(markOf(context.table))} AS changed, ${compared} FROM ${rows} WHERE (${condition})`;
  if (kind === "exclude") {
    const on = names.map((name, index) => `a.${name} ${operators[index]} b.${name}`).join(" AND ");
    return `WITH r AS (${ruled}) SELECT DISTINCT a.key FROM r a JOIN r b ON a.key <> b.key AND ${on} WHERE a.changed`;
  }
  const known = nullsDistinct ? names.map((name) => `${name} IS NOT NULL`).join(" AND ") : "true";
  const group = `OVER (PARTITION BY ${names.join(", ")})`;
  return (
    `SELECT key FROM (SELECT key, count(*) ${group} AS alike, bool_or(changed) ${group} AS hit ` +
    `FROM (${ruled}) r WHERE ${known}) g WHERE alike > 1 AND hit`
  );
}

async function runQuery<T extends object>(
  { client, timeoutMs }: TrialContext,
  sql: string,
  values: unknown[] = [],
): Promise<T[]> {
  const settings = { statement_timeout: `${timeoutMs}ms` };
  const mode = "ISOLATION LEVEL REPEATABLE READ, READ ONLY";
  return inTransaction(client, { mode, settings }, async () => (await client.query<T>(sql, values)).rows);
}

/** The first changed row, by key, for which the rule can't even be worked out: found by halving. */
async function firstFailing(context: TrialContext, rule: ColumnRule): Promise<string | undefined> {
  const key = quoteName(context.change.key);
  const rows = await mappedRows(context, rule, true);
  const asks = [rule.condition, rule.worksOut ?? "true", ...rule.elements]
    .map((text) => `count((${text}))`)
    .join(", ");
  const [{ total } = { total: 0 }] = await runQuery<{ total: number }>(
    context,
    `SELECT count(*)::int AS total FROM ${rows}`,
  );
  const until = Date.now() + context.timeoutMs;
  let [low, high] = [0, total];
  while (high - low > 1 && Date.now() < until) {
    const middle = Math.floor((low + high) / 2);
    const some = `(SELECT * FROM ${rows} ORDER BY ${key} OFFSET ${low} LIMIT ${middle - low}) AS ${quoteName(context.change.table)}`;
    const fails = await runQuery(context, `SELECT ${asks} FROM ${some}`).then(
      () => false,
      () => true,
    );
    if (fails) high = middle;
    else low = middle;
  }
  if (high - low !== 1) return undefined;
  const sql = `SELECT ${key}::text AS key FROM ${rows} ORDER BY ${key} OFFSET ${low} LIMIT 1`;
  return (await runQuery<{ key: string }>(context, sql))[0]?.key;
}

/** Classes of errors that a value causes; all others say that the trial itself did not fit. */
export const BY_VALUE = /^(22|23|44|P0)/;
const TIMED_OUT = "57014";

async function tryRule(context: TrialContext, rule: ColumnRule): Promise<Trial> {
  const sql = oneLine(await breakingRows(context, rule));
  try {
    const found = await runQuery<{ key: string; rows: string }>(
      context,
      `SELECT key::text AS key, count(*) OVER () AS rows FROM (${sql}) AS broken ORDER BY broken.key LIMIT ${KEYS_SHOWN}`,
    );
    if (found.length === 0) return { outcome: "holds" };
    return { outcome: "breaks", rows: Number(found[0]?.rows), keys: found.map(({ key }) => key), sql };
  } catch (error) {
    const state = sqlState(error);
    if (state === undefined) throw error;
    if (state === TIMED_OUT)
      return { outcome: "unknown", why: `not done in ${context.timeoutMs / 1000} s`, sql };
    if (!BY_VALUE.test(state)) return { outcome: "unknown", why: `SQLSTATE ${state}`, sql };
    return { outcome: "fails", state, key: await firstFailing(context, rule).catch(() => undefined), sql };
  }
}

/** What stops the migration, and what is not known of it. */
export interface RuleTrials {
  blockers: string[];
  unknown: Risk[];
  /** What the way back will meet. */
  notes: string[];
}

function tell({ change }: TrialContext, { name, label }: ColumnRule, trial: Trial, trials: RuleTrials): void {
  if (trial.outcome === "holds") return;
  const expected = `expected ${label} to hold for every row with its mapped ${subjectOf(change)}`;
  const remedy = `Correct the rows, the rule of change.normalise or the constraint. To see them: ${trial.sql}.`;
  if (trial.outcome === "breaks") {
    const more = trial.rows > trial.keys.length ? ", …" : "";
    trials.blockers.push(
      `${expected}, got ${showRows(trial.rows)} that break it (${change.key}: ${trial.keys.join(", ")}${more}). ${remedy}`,
    );
  } else if (trial.outcome === "fails") {
    const where = trial.key === undefined ? "" : `, first at ${change.key} ${trial.key}`;
    trials.blockers.push(`${expected}, got SQLSTATE ${trial.state}${where}. ${remedy}`);
  } else {
    trials.unknown.push({
      name,
      finding: `${expected}, not tried: ${trial.why}`,
      remedy: `Run it yourself (no row is as it should be): ${trial.sql}`,
    });
  }
}

/** A CHECK that came without a look at the old values, and will not take them back. */
async function noteWayBack(context: TrialContext, rule: ColumnRule, trials: RuleTrials): Promise<void> {
  const { table, change } = context;
  const column = quoteName(change.column);
  const rows = await trialRows(table, change, [rule.condition], {
    value: column,
    where: oldStyle(change, column),
  });
  const sql = `SELECT count(*) AS rows FROM ${rows} WHERE (${rule.condition}) IS FALSE`;
  const found = await runQuery<{ rows: string }>(context, sql).catch(() => []);
  const count = Number(found[0]?.rows ?? 0);
  if (count === 0) return;
  trials.notes.push(
    `${rule.label} refuses the old ${subjectOf(change)} of ${showRows(count)}: the way back can't restore them while it stands`,
  );
}

/**
 * Tries on the rows as they will be what the server tries on every UPDATE: each CHECK, valid or not, what is generated
 * from the column, and what compares rows. Read-only, one scan a rule, in bounded time.
 */
export async function tryRules(
  client: Client,
  change: Change,
  { timeoutMs = TIMEOUT_MS }: { timeoutMs?: number } = {},
): Promise<RuleTrials> {
  const table = await readTableRules(client, change);
  const context = { client, table, change, timeoutMs };
  const trials: RuleTrials = { blockers: [], unknown: [], notes: [] };
  for (const rule of table.rules) {
    // The migrator sees and writes past policies and views, a trigger or publication refuses nothing by its WHEN; what compares rows is as it was where the column is in no part of it.
    if (
      ["policy", "trigger", "view", "publication"].includes(rule.kind) ||
      (rule.elements.length > 0 && !rule.touchesColumn)
    )
      continue;
    tell(context, rule, await tryRule(context, rule), trials);
    const mayRefuse = rule.touchesColumn && rule.elements.length === 0 && rule.worksOut === undefined;
    if (mayRefuse) await noteWayBack(context, rule, trials);
  }
  return trials;
}
