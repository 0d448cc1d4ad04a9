import type { Client } from "pg";
import { inTransaction, sqlState } from "../transaction.ts";
import type { Change } from "./change.ts";
import { mapValue, quoteName, quoteText, showValue } from "./change-sql.ts";
import { type ColumnRule, readTableRules, type TableRules, trialRows } from "./column-rules.ts";
import type { Risk } from "./risks.ts";
import { BY_VALUE } from "./rule-trial.ts";

/** Which rows a rule singles out once the column's value is known, in the server's own words. */
interface Verdict {
  /** `always`, `never`, `fails`: the value alone decides. `depends`: on the other columns. `unknown`: can't be told. */
  outcome: "always" | "never" | "fails" | "depends" | "unknown";
  text: string;
}

interface PlanNode {
  "Node Type": string;
  "One-Time Filter"?: string;
  Filter?: string;
  Output?: string[];
}

/** The plans differ by nothing but the rule: no index, no helper process, no other constraint comes into them. */
const SETTINGS = {
  statement_timeout: "10s",
  constraint_exclusion: "off",
  enable_indexscan: "off",
  enable_indexonlyscan: "off",
  enable_bitmapscan: "off",
  max_parallel_workers_per_gather: "0",
};

interface Judgement {
  client: Client;
  table: TableRules;
  change: Change;
}

const literal = (value: string | null) => (value === null ? "NULL" : quoteText(value));

/**
 * What a rule does to the rows that it singles out. A CHECK refuses those that it knows to be wrong, a policy lets pass
 * those that it knows to be right, so does a view WITH CHECK OPTION, a trigger fires for them, a publication sends them on, a unique index or EXCLUDE compares those that are under it.
 */
const WORDS: Record<ColumnRule["kind"], string> = {
  check: "refused",
  policy: "allowed",
  view: "allowed",
  publication: "published",
  trigger: "fired for",
  unique: "under it",
  exclude: "under it",
};

const singledOut = ({ kind, condition }: ColumnRule) =>
  kind === "check" ? `NOT (${condition})` : `(${condition})`;

function readPlan(plan: PlanNode, rule: ColumnRule): Verdict {
  if (plan["One-Time Filter"] === "false") return { outcome: "never", text: "" };
  const { Filter: filter = "", Output: output = [], ...rest } = plan;
  const compared = rule.elements.length > 0 ? output.join(", ") : "";
  // Anything but a plain scan (a policy that asks other tables) is compared as a whole.
  const more = rest["Node Type"] === "Seq Scan" ? "" : JSON.stringify(rest);
  const text = [filter, compared, more].filter((part) => part !== "").join("; ");
  return { outcome: filter === "" && more === "" && compared === "" ? "always" : "depends", text };
}

/**
 * Lets the planner put the value in and simplify, with all it knows of operators, casts and functions. Where nothing
 * but the value decides, and the planner may not (a function that is not immutable), the condition is worked out.
 */
async function judgeValue(
  { client, table, change }: Judgement,
  rule: ColumnRule,
  value: string | null,
): Promise<Verdict> {
  if (rule.unread !== undefined) return { outcome: "unknown", text: rule.unread };
  const condition = singledOut(rule);
  const selected = rule.worksOut === undefined ? rule.elements : [`(${rule.worksOut})`];
  const rows = await trialRows(table, change, [condition, ...selected], { value: literal(value) });
  const select = `SELECT ${selected.join(", ")} FROM ${rows} WHERE ${condition}`;
  try {
    return await inTransaction(client, { mode: "READ ONLY", settings: SETTINGS }, async () => {
      const found = await client.query<{ "QUERY PLAN": [{ Plan: PlanNode }] }>(
        `EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) ${select}`,
      );
      const verdict = readPlan(
        (found.rows[0] as { "QUERY PLAN": [{ Plan: PlanNode }] })["QUERY PLAN"][0].Plan,
        rule,
      );
      if (verdict.outcome !== "depends" || !rule.columnAlone || rule.elements.length > 0) return verdict;
      const type = table.columns.find(({ name }) => name === change.column)?.type;
      const one = `(SELECT (${literal(value)})::${type} AS ${quoteName(change.column)}) AS ${quoteName(change.table)}`;
      const { rowCount } = await client.query(`SELECT FROM ${one} WHERE ${condition}`);
      return { outcome: rowCount === 1 ? "always" : "never", text: "" };
    });
  } catch (error) {
    const state = sqlState(error);
    if (state === undefined) throw error;
    return { outcome: BY_VALUE.test(state) ? "fails" : "unknown", text: `SQLSTATE ${state}` };
  }
}

function showVerdict({ kind }: ColumnRule, { outcome, text }: Verdict): string {
  const word = WORDS[kind];
  return {
    always: `always ${word}`,
    never: `never ${word}`,
    depends: `${word} where ${text}`,
    fails: `never accepted (${text})`,
    unknown: `not known (${text})`,
  }[outcome];
}

/** What nobody can write today, nobody will miss. */
function isImpossible({ kind }: ColumnRule, { outcome }: Verdict): boolean {
  if (outcome === "fails") return true;
  return (
    (kind === "check" && outcome === "always") || (["policy", "view"].includes(kind) && outcome === "never")
  );
}

function areAlike(rule: ColumnRule, before: Verdict, after: Verdict): boolean {
  if (isImpossible(rule, before)) return true;
  return before.outcome !== "unknown" && before.outcome === after.outcome && before.text === after.text;
}

/** Old spellings that fit the column, NULL among them if a rule maps it and the column takes it. */
function oldValues(change: Change, { columns }: TableRules): (string | null)[] {
  const column = columns.find(({ name }) => name === change.column);
  const longest = column?.maxLength ?? Number.POSITIVE_INFINITY;
  const takesNull = change.normalise.whenNull !== undefined && !column?.notNull;
  const spellings = Object.keys(change.normalise.spellings).filter((each) => [...each].length <= longest);
  return [...(takesNull ? [null] : []), ...spellings];
}

const PAIRS_SHOWN = 3;

interface Pair {
  from: string | null;
  before: Verdict;
  to: string | null;
  after: Verdict;
}

function showPair(rule: ColumnRule, { from, before, to, after }: Pair): string {
  if (rule.elements.length > 0 && before.outcome === after.outcome)
    return `${showValue(from)} and ${showValue(to)} taken for different`;
  return `${showValue(from)} ${showVerdict(rule, before)}, ${showValue(to)} ${showVerdict(rule, after)}`;
}

const MAY_REFUSE =
  "from phase 1 on a write may be refused that passes today, or one pass that the way back can't restore";

/** What comes of a rule that judges otherwise. */
const OUTCOMES: Record<ColumnRule["kind"], string> = {
  check: MAY_REFUSE,
  policy: MAY_REFUSE,
  unique: MAY_REFUSE,
  exclude: MAY_REFUSE,
  view: "from phase 1 on a write through the view may be refused that passes today",
  trigger: "from phase 1 on it fires for other writes",
  publication: "from the backfill on subscribers lose rows, or get others, until the way back",
};

function describe(rule: ColumnRule, pairs: Pair[]): Risk {
  const shown = pairs.slice(0, PAIRS_SHOWN).map((pair) => showPair(rule, pair));
  const more = pairs.length > PAIRS_SHOWN ? ` and ${pairs.length - PAIRS_SHOWN} more` : "";
  return {
    name: rule.name,
    finding:
      `expected ${rule.label} to judge an old spelling as it judges what the normaliser makes of it, got ${shown.join("; ")}${more}: ` +
      OUTCOMES[rule.kind],
    remedy: "Let it judge both alike, or drop it",
  };
}

/** Rules of the table that may judge a write otherwise once the normaliser has mapped it. Reads catalogues and plans. */
export async function judgeRules(client: Client, change: Change): Promise<Risk[]> {
  const table = await readTableRules(client, change);
  const risks: Risk[] = [];
  for (const rule of table.rules.filter(({ touchesColumn }) => touchesColumn)) {
    const judge = (value: string | null) => judgeValue({ client, table, change }, rule, value);
    const differing: Pair[] = [];
    const targets = new Map<string | null, Verdict>();
    for (const from of oldValues(change, table)) {
      const to = mapValue(change, from);
      const before = await judge(from);
      const after = targets.get(to) ?? (await judge(to));
      targets.set(to, after);
      if (!areAlike(rule, before, after)) differing.push({ from, before, to, after });
    }
    if (differing.length > 0) risks.push(describe(rule, differing));
  }
  return risks;
}
