/** Function of the server that raises what a function of the application says in its own words. */
const RAISED_BY_APPLICATION = "exec_stmt_raise";

/** The parts of a server's error that are looked at; those that quote rows (DETAIL, CONTEXT, the query) are not shown. */
export interface ServerError {
  code?: string | undefined;
  message?: string | undefined;
  /** Source function of the server. */
  routine?: string | undefined;
}

const hide = (text: string) => text.replaceAll(/"[^"]*"|'[^']*'|“[^”]*”|«[^»]*»/g, '"…"');

/**
 * What a server's message says without a value of any row: a data exception (class 22) quotes the value, and an
 * application's own RAISE may say anything. All others name tables, columns, constraints and types. Bounded, one line.
 */
export function safeServerMessage({ code = "", message = "", routine }: ServerError): string {
  const line = message.replaceAll(/\s+/g, " ").trim().slice(0, 300);
  if (routine === RAISED_BY_APPLICATION || code.startsWith("P0"))
    return "an error that a function of the database raises; its words are not shown, for they may quote rows";
  if (!code.startsWith("22")) return line;
  // What follows the last colon is a value, quoted or not: `for encoding "UTF8": 0xe9`.
  return hide(line).replace(/: [^:]*$/, "");
}

/** Functions of the database that were running, innermost first, from the CONTEXT of an error; names alone. */
export function functionsIn(context: string | undefined): string[] {
  const pattern = /(?:SQL|PL\/\w+) function "?((?:[^"\s(]+))"?/g;
  return [...new Set([...(context ?? "").matchAll(pattern)].map(([, name]) => name as string))];
}
