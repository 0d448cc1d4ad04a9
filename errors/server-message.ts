/** Functions of the server, and of its languages, that raise what the application says in its own words. */
const RAISED_BY_APPLICATION = /^(exec_stmt_raise|PLy_|plperl|pltcl|throw_tcl|throw_pl|plv8|js_|plr_)/;

/** Codes of an application's own: a class that PostgreSQL has not, and those that its functions raise. */
const OWN_CODE = /^(P0|38|39|[A-EGI-OQ-WYZ])/;

/** A statement that a function of the application put together, maybe of a row's values: they stand there as names. */
const PUT_TOGETHER = /\bEXECUTE\b/;

/** The parts of a server's error that are looked at; those that quote rows (DETAIL, CONTEXT, the query) are not shown. */
export interface ServerError {
  code?: string | undefined;
  message?: string | undefined;
  /** Source function of the server. */
  routine?: string | undefined;
  /** CONTEXT: functions that were running. Looked at, never shown. */
  where?: string | undefined;
}

/** Quotes of all languages that the server speaks: `"x"`, `„x“`, `«x»`, `「x」`; what is open ends with the text. */
const hide = (text: string) =>
  text.replaceAll(/["„“].*["“”]|'.*'|[‘‚].*[’‘]|«.*»|».*«|‹.*›|[「『].*[」』]|["„“«].*$/g, '"…"');

/**
 * What a server's message says without a value of any row: a data exception (class 22) quotes the value, and an
 * application's own RAISE may say anything. All others name tables, columns, constraints and types. Bounded, one line.
 */
export function safeServerMessage({
  code = "",
  message = "",
  routine = "",
  where = "",
}: ServerError): string {
  const line = message.replaceAll(/\s+/g, " ").trim().slice(0, 300);
  if (RAISED_BY_APPLICATION.test(routine) || OWN_CODE.test(code))
    return "an error that a function of the database raises; its words are not shown, for they may quote rows";
  if (/^(42|34|3F|26)/.test(code) && PUT_TOGETHER.test(where)) return hide(line);
  if (!code.startsWith("22")) return line;
  // What follows the last colon is a value, quoted or not: `for encoding "UTF8": 0xe9`.
  return hide(line).replace(/: [^:]*$/, "");
}

/** Functions of the database that were running, innermost first, from the CONTEXT of an error; names alone. */
export function functionsIn(context: string | undefined): string[] {
  const pattern = /(?:SQL|PL\/\w+) function "?((?:[^"\s(]+))"?/g;
  return [...new Set([...(context ?? "").matchAll(pattern)].map(([, name]) => name as string))];
}
