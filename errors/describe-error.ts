import { redact } from "./redact.ts";
import { functionsIn, safeServerMessage } from "./server-message.ts";
import { serverRemedy } from "./server-remedies.ts";
import { systemRemedy } from "./system-remedies.ts";

/** An error that nobody foresaw, in the parts that a person needs. No value of a row and no secret is in any of them. */
export interface Described {
  /** SQLSTATE, code of the system, how a program ended, or the kind of error. */
  code: string;
  step?: string | undefined;
  /** Constraint, column, table, function, path, address or program. */
  subject?: string | undefined;
  actual: string;
  /** What to do now. */
  next: string;
}

/** Everything that errors of others carry beside their message; each may be absent, or of any type. */
interface Fields {
  name?: unknown;
  message?: unknown;
  code?: unknown;
  cause?: unknown;
  errors?: unknown;
  [field: string]: unknown;
}

type Part = Omit<Described, "step">;

const OUR_FAULT =
  "This is a fault of this program: report it with the file that is named, and run the same command again.";

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? redact(value) : undefined;

const hideQuoted = (line: string) => line.replaceAll(/"[^"]*"|'[^']*'|`[^`]*`/g, "…");

/** The error and what caused it, outermost first: fetch says "fetch failed", and its cause why. */
function chainOf(error: unknown): Fields[] {
  const chain: Fields[] = [];
  const seen = new Set<unknown>();
  const visit = (each: unknown): void => {
    if (typeof each !== "object" || each === null || seen.has(each) || chain.length > 20) return;
    seen.add(each);
    chain.push(each as Fields);
    const { errors, cause } = each as Fields;
    for (const inner of Array.isArray(errors) ? errors : []) visit(inner);
    visit(cause);
  };
  visit(error);
  return chain;
}

const isServerError = ({ code, severity, routine }: Fields) =>
  typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && (severity !== undefined || routine !== undefined);

function describeServer(error: Fields): Part {
  const code = error.code as string;
  const { schema, table, column, constraint, dataType } = error;
  const where = typeof error.where === "string" ? error.where : undefined;
  // A type of an own schema comes with that and without a table.
  const within = (name: unknown) => [text(schema), text(name)].filter(Boolean).join(".");
  const relation = table ? within(table) : "";
  const functions = functionsIn(where);
  const subject = [
    ...(constraint ? [`constraint ${text(constraint)}`] : []),
    ...(column
      ? [`column ${[relation, text(column)].filter(Boolean).join(".")}`]
      : relation
        ? [`table ${relation}`]
        : []),
    ...(dataType ? [`type ${table ? text(dataType) : within(dataType)}`] : []),
    ...(functions.length > 0 ? [`function ${functions[0]}`] : []),
  ].join(", ");
  const message = { code, message: String(error.message ?? ""), routine: text(error.routine), where };
  return {
    code,
    actual: redact(safeServerMessage(message)),
    next: serverRemedy(code),
    ...(subject ? { subject } : {}),
  };
}

const firstWord = (command: unknown) =>
  typeof command === "string" ? text(command.split(/\s/)[0]) : undefined;

/** Node's own synchronous calls name no command; what the program printed tells that there was one. */
const commandOf = ({ command, cmd, file, spawnargs, path, stderr }: Fields): unknown =>
  command ??
  cmd ??
  file ??
  (Array.isArray(spawnargs) ? path : undefined) ??
  (stderr !== undefined ? "(unnamed)" : undefined);

/** A program that ended badly. What it printed is its own affair: it may hold anything. */
function describeProgram(error: Fields): Part | undefined {
  const { exitCode, signal, timedOut, isMaxBuffer } = error;
  const command = commandOf(error);
  const status = exitCode ?? (typeof error.code === "number" ? error.code : undefined) ?? error.status;
  if (
    command === undefined ||
    (typeof status !== "number" && typeof signal !== "string" && !timedOut && !isMaxBuffer)
  )
    return undefined;
  const how = timedOut
    ? "ended at its time limit"
    : isMaxBuffer
      ? "printed more than is read"
      : typeof signal === "string"
        ? `was ended by ${signal}`
        : `ended with exit code ${status}`;
  const code = timedOut ? "timed out" : typeof signal === "string" ? signal : `exit ${status}`;
  return {
    code,
    actual: `the program ${how}`,
    next: "Run it by hand to see what it says, mend that, then run the same command again.",
    subject: firstWord(command),
  };
}

function subjectOfSystem(error: Fields): string | undefined {
  const { path, dest, address, port, hostname, host, syscall } = error;
  if (path !== undefined && !String(syscall ?? "").startsWith("spawn"))
    return [text(path), text(dest)].filter(Boolean).join(" → ");
  if (address !== undefined) return [text(address), port].filter((part) => part !== undefined).join(":");
  return text(hostname) ?? text(host) ?? text(path) ?? text(error.url);
}

/** Its message is the system's own: code, call and path. */
function describeSystem(error: Fields, next: string): Part {
  const command = commandOf(error);
  // The message of a program that can't be started holds its arguments.
  if (command !== undefined)
    return {
      code: String(error.code),
      actual: "the program could not be started",
      next,
      subject: firstWord(command),
    };
  const subject = subjectOfSystem(error);
  const syscall = text(error.syscall);
  const plain = hideQuoted(redact(String(error.message ?? ""))).replace(/,? ?Received .*$/, "");
  const call = syscall ? `${syscall} failed` : plain;
  return { code: String(error.code), actual: call, next, ...(subject ? { subject } : {}) };
}

function describeIssues(issues: unknown[]): Part {
  const paths = issues.slice(0, 5).map((issue) => {
    const { path, code, expected } = issue as { path?: unknown[]; code?: string; expected?: string };
    const where = (path ?? []).map(String).join(".") || "the whole";
    return `${redact(where)}: ${text(code) ?? "not valid"}${expected ? `, ${text(expected)} expected` : ""}`;
  });
  return {
    code: "invalid data",
    actual: paths.join("; "),
    next: "What was read is not of the shape that this release knows: is it written by a newer one, or edited by hand?",
  };
}

/**
 * A message of the language, without what it read: that stands in quotes, which may stand within themselves, behind a
 * colon, or as it is.
 */
const ofLanguage = (message: string) =>
  hideQuoted(message.replace(/(["'`]).*\1/, "…"))
    .replace(/: .*$/, "")
    .replace(/^Cannot convert .* to /, "Cannot convert … to ");

/** By what it says of itself: errors of the language quote what they read, ours do not. */
function describePlain(error: Fields): Part {
  const name = typeof error.name === "string" ? redact(error.name) : "Error";
  const message = redact(String(error.message ?? ""));
  if (name === "TimeoutError")
    return {
      code: name,
      actual: "no answer in time",
      next: "Look at why it takes so long, then run the same command again.",
    };
  if (name === "AbortError")
    return { code: name, actual: "it was broken off", next: "Run the same command again." };
  if (name !== "Error") return { code: name, actual: ofLanguage(message) || "no message", next: OUR_FAULT };
  return { code: name, actual: message || "no message", next: "Mend that, then run the same command again." };
}

function describePart(error: Fields): Part | undefined {
  if (isServerError(error)) return describeServer(error);
  const next = typeof error.code === "string" ? systemRemedy(error.code) : undefined;
  if (next) return describeSystem(error, next);
  if (Array.isArray(error.issues)) return describeIssues(error.issues);
  return describeProgram(error);
}

/** Tells what an error of somebody else is about: the database's, the system's, a program's, this program's own. */
export function describeError(error: unknown, { step }: { step?: string | undefined } = {}): Described {
  const own = step ? { step } : {};
  const chain = chainOf(error);
  const [first] = chain;
  if (!first)
    return {
      ...own,
      code: "no error",
      actual: `a value of type ${typeof error} was thrown`,
      next: OUR_FAULT,
    };
  for (const each of chain) {
    const part = describePart(each);
    if (part) return { ...own, ...part };
  }
  return { ...own, ...describePlain(first) };
}

/** One line for a person: `expand: table public.deals: permission denied for table deals (42501). Grant …` */
export function renderError({ code, step, subject, actual, next }: Described): string {
  const what = [step, subject, actual].filter(Boolean).join(": ");
  return `${what} (${code}). ${next}`;
}
