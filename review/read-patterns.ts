import type { Change } from "../postgres/migration/change.ts";

/** A place that reads the column in a way that the change makes visible. */
export interface Read {
  kind: "null" | "spelling" | "pattern" | "returning" | "copy";
  /** Place of the match in the text. */
  at: number;
  /** The old spelling, for `spelling`. */
  value?: string;
}

const escapePattern = (text: string) => text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");

/** `deal_type` as other languages spell it: dealType, DealType, DEAL_TYPE. */
function spellingsOfName(column: string): string[] {
  const camel = column.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  const pascal = camel.charAt(0).toUpperCase() + camel.slice(1);
  return [...new Set([column, camel, pascal, column.toUpperCase()])];
}

/** The patterns of one change, made once. All are linear: no repetition stands within another. */
export interface ReadPatterns {
  rules: { kind: Read["kind"]; pattern: RegExp }[];
  /** Each old spelling, by each way in which a text literal may hold it. */
  spellings: Map<string, string>;
  literal: RegExp | undefined;
  name: RegExp;
}

/** Makes the patterns that find reads of a change in SQL, in ORM code and in programs. */
export function readPatterns(change: Change): ReadPatterns {
  const bare = `(?<![\\w$])(?:${spellingsOfName(change.column).map(escapePattern).join("|")})(?![\\w$])`;
  const name = `${bare}["'\`\\])]{0,3}`;
  const table = `["'\`]?${escapePattern(change.table)}(?![\\w$])`;
  // Words that begin a comparison in programs: by their letters, so that a log's `=none` is none of them.
  const nothing = "(?:null|None|undefined|nil|NULL)(?![\\w$])";
  const rule = (kind: Read["kind"], source: string, flags = "gi") => ({
    kind,
    pattern: new RegExp(source, flags),
  });
  const spellings = new Map(
    Object.keys(change.normalise.spellings).flatMap((value) =>
      [value, value.replaceAll("'", "''"), JSON.stringify(value).slice(1, -1)].map((form) => [form, value]),
    ),
  );
  return {
    rules: [
      rule("null", `${name}\\s{1,20}IS\\s{1,20}(?:NOT\\s{1,20})?(?:NULL|DISTINCT|None)`),
      rule("null", `${name}\\s{0,20}(?:[!=]==?|:|=|<>)\\s{0,20}${nothing}`, "g"),
      rule("null", `${name}\\.(?:is_|is_not|isnot|isNull|isNotNull|is_distinct_from)\\s{0,5}\\(`),
      rule("null", `(?<![\\w$])${escapePattern(change.column)}__isnull(?![\\w$])`),
      rule(
        "null",
        `(?:where|orWhere|andWhere)(?:Not)?Null\\s{0,5}\\(\\s{0,20}["'\`][\\w.]{0,60}(?<![\\w$])${escapePattern(change.column)}["'\`]`,
      ),
      rule("null", `(?:coalesce|ifnull|nvl|nullif|isnull)\\s{0,5}\\(\\s{0,20}(?:\\w{1,60}\\.)?${name}`),
      rule("null", `(?<!["'\`])${bare}\\s{0,20}(?:\\?\\?|\\|\\||\\bor\\b(?=\\s{1,5}["']))`),
      rule("null", `(?:!|\\bnot\\s{1,5})(?:\\w{1,60}\\.){0,4}${name}(?=\\s{0,20}(?:[):;,&|?]|$))`, "gim"),
      rule("pattern", `${name}\\s{1,20}(?:NOT\\s{1,20})?(?:I?LIKE|SIMILAR|~\\*?)(?![\\w$])`),
      rule("pattern", `${name}\\.(?:i?like|startswith|contains|startsWith|match)\\s{0,5}\\(`),
      rule("copy", `(?<![\\w$])COPY\\s{1,20}(?:\\(|(?:\\w{1,60}\\.)?${table})`),
      rule("returning", "(?<![\\w$])RETURNING(?![\\w$])"),
    ],
    spellings,
    literal:
      spellings.size === 0
        ? undefined
        : new RegExp(`(["'\`])(${[...spellings.keys()].map(escapePattern).join("|")})\\1`, "g"),
    name: new RegExp(name, "i"),
  };
}

/** How far back the statement of a RETURNING or COPY is looked for, and how far on its list goes. */
const BEFORE = 1_500;
const AFTER = 200;

/** Whether the statement around `at` writes the table and gives back the column, or all columns. */
function returnsColumn(text: string, at: number, change: Change): boolean {
  const before = text.slice(Math.max(0, at - BEFORE), at);
  const verbs = [
    ...before.matchAll(
      /\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|MERGE\s+INTO)\s+(?:ONLY\s+)?((?:["\w]+\.)?["\w]+)/gi,
    ),
  ];
  const table = verbs.at(-1)?.[1]?.replaceAll('"', "").split(".").at(-1);
  if (table?.toLowerCase() !== change.table) return false;
  const list = text.slice(at + "RETURNING".length, at + AFTER).split(/[;`)]|"""|'''/)[0] ?? "";
  return (
    /^\s*(?:\w+\.)?\*/.test(list) ||
    new RegExp(`(?<![\\w$])${escapePattern(change.column)}(?![\\w$])`, "i").test(list)
  );
}

/** Whether the query of `COPY (…)` reads the table. */
function copiesTable(text: string, at: number, change: Change): boolean {
  const statement = text.slice(at, at + BEFORE).split(";")[0] ?? "";
  return new RegExp(`(?<![\\w$])${escapePattern(change.table)}(?![\\w$])`, "i").test(statement);
}

/** The line around a place, as far as it tells anything. */
function lineAround(text: string, at: number): string {
  const from = Math.max(text.lastIndexOf("\n", at) + 1, at - 500);
  const end = text.indexOf("\n", at);
  return text.slice(from, Math.min(end < 0 ? text.length : end, at + 500));
}

/** Literals that are an old spelling. A word that any text may hold (`acq`, ``) counts only beside the column. */
function findSpellings(text: string, { literal, spellings, name }: ReadPatterns): Read[] {
  if (!literal) return [];
  return [...text.matchAll(literal)].flatMap((match) => {
    const value = spellings.get(match[2] ?? "") ?? "";
    const telling = /^[a-z]+[-_][a-z]+$/i.test(value.trim());
    return telling || name.test(lineAround(text, match.index))
      ? [{ kind: "spelling" as const, at: match.index, value }]
      : [];
  });
}

/** Every read of the change in a text, in order; each place once for each kind. */
export function findReads(text: string, change: Change, patterns: ReadPatterns): Read[] {
  const found: Read[] = patterns.rules.flatMap(({ kind, pattern }) =>
    [...text.matchAll(pattern)].map(({ index: at }) => ({ kind, at })),
  );
  const reads = found.filter(({ kind, at }) =>
    kind === "returning"
      ? returnsColumn(text, at, change)
      : kind === "copy"
        ? copiesTable(text, at, change)
        : true,
  );
  return [...reads, ...findSpellings(text, patterns)].sort((a, b) => a.at - b.at);
}
