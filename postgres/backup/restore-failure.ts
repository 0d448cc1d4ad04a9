import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { LeaveOut } from "../../config/backup-proof.ts";
import { functionsIn, safeServerMessage } from "../../errors/server-message.ts";
import { StepError } from "../../errors/step-error.ts";
import type { ProgramOutcome } from "../../processes/child-process.ts";
import { leaveOutCommand } from "./left-out.ts";
import { nameOf } from "./object-closure.ts";
import type { ObjectGraph, ObjectNode } from "./object-graph.ts";

/** What pg_restore tells of a failure, in parts. */
export interface RestoreFailure {
  /** SQLSTATE of the server's error; undefined where pg_restore itself failed. */
  code?: string | undefined;
  /** One line, without a value of any row. */
  words: string;
  /** The object at which it failed, by a name that `leaveOut.objects` takes; else the catalogue's entry. */
  object?: string | undefined;
  /** Whether the configuration can name it. */
  canBeLeftOut: boolean;
  /** Functions that were running, innermost first. */
  functions: string[];
}

/** Every line of the throwaway server's log begins with the SQLSTATE, which pg_restore does not tell. */
export const LOG_PREFIX = "%e ";

/** @param message as pg_restore prints it. @returns the code of the last error with these words. */
export function findCode(log: string, message: string): string | undefined {
  const isIt = (line: string) => /^[0-9A-Z]{5} ERROR: /.test(line) && line.slice(14).startsWith(message);
  return log.split("\n").findLast(isIt)?.slice(0, 5);
}

function findObject({ nodes }: ObjectGraph, entry: RegExpMatchArray | undefined): ObjectNode | undefined {
  const [, catalogue, oid] = entry ?? [];
  // The data of a table has the table's own OID, and no catalogue.
  const ids = catalogue === "0" ? [`1259 ${oid}`] : [`${catalogue} ${oid}`];
  return nodes.find(({ id }) => ids.includes(id));
}

/** Takes pg_restore's output apart. Pure. */
export function readFailure(
  { stderr, failure }: ProgramOutcome,
  log: string,
  graph: ObjectGraph,
): RestoreFailure {
  const lines = stderr.split("\n");
  const at = lines.findIndex((line) => /error:/.test(line));
  const line = lines[at] ?? "";
  const entries = lines
    .slice(0, at)
    .map((each) => /from TOC entry \d+; (\d+) (\d+) (.*)/.exec(each) ?? undefined);
  const entry = entries.findLast((each) => each !== undefined);
  const message = /ERROR:\s+(.*)$/.exec(line)?.[1];
  const code = message === undefined ? undefined : findCode(log, message);
  const end = lines.findIndex((each, index) => index > at && /error:/.test(each));
  const context = lines.slice(at, end < 0 ? undefined : end).join("\n");
  const object = findObject(graph, entry);
  const own = line.replace(/^.*?error: /, "");
  return {
    code,
    words:
      message === undefined
        ? `pg_restore: ${own.slice(0, 300) || (failure ?? "no reason")}`
        : safeServerMessage({ code: code ?? "22000", message }),
    object: object ? nameOf(object) : entry?.[3],
    canBeLeftOut: object !== undefined,
    functions: functionsIn(context),
  };
}

/** The reasons for which a database that is sound can't be restored here, and what helps; by SQLSTATE. */
const REMEDIES: [RegExp, string][] = [
  [/^53100$/, "Free space in the temporary folder, or point TMPDIR at another disk; the backup stays good."],
  [/^53|^54/, "Give this machine more memory, or set backup.jobs lower; the backup stays good."],
  [/^57|^08/, "The throwaway server was ended from outside: run `rollout up` again; the backup stays good."],
  [/^58P01$/, "A file of a package is not on this machine: install it as on the original."],
  [/^42501$/, "Only a superuser can make it, and a restore never runs as one."],
  [
    /^(42883|42P01|42704|42703|3F000|42P02|42710|42P07|42723|0A000|22023)$/,
    "It needs something that is not in the copy.",
  ],
  [
    /^(23505|23P01)$/,
    "The database itself holds rows that this index forbids: find them there, mend them and REINDEX it.",
  ],
  [/^23/, "The database itself holds rows that its own constraint refuses: find them there and mend them."],
];

/** Damage shows as text that is no archive or no row: then alone a new backup is of any use. */
const NEW_BACKUP = "Take a new backup.";

function leanOnPath({ functions, code = "", words }: RestoreFailure): string | undefined {
  const [name] = functions;
  if (name === undefined || !/^(42883|42P01|42704|3F000)$/.test(code)) return undefined;
  return (
    `Function ${name} finds it by search_path alone, and a restore has none (${words}). ` +
    `Say where it looks: ALTER FUNCTION ${name} SET search_path = <the schemas it needs>; the backup shows the function as it ` +
    "was: erase it afterwards (npx rollout backups erase), so that `rollout up` takes a new one."
  );
}

function remedyOf(failure: RestoreFailure, leaveOut: LeaveOut | undefined): string {
  const { code, words, object, canBeLeftOut } = failure;
  if (code === undefined && /unsupported version|server version/.test(words))
    return "The dump is newer than this machine's pg_restore: install the server's client programs, or point ROLLOUT_POSTGRES_BIN at them.";
  const known = leanOnPath(failure) ?? (code && REMEDIES.find(([pattern]) => pattern.test(code))?.[1]);
  if (!known)
    return code === undefined || /^(22|XX)/.test(code) ? NEW_BACKUP : "Mend that and run `rollout up` again.";
  if (!canBeLeftOut || !object || /^(53|54|57|08)/.test(code ?? "")) return known;
  return `${known} Or leave it out of the proof, with all that stands on it: ${leaveOutCommand("objects", object, leaveOut)}.`;
}

/** The error for a restore that failed. Pure. */
export function restoreError(failure: RestoreFailure, leaveOut?: LeaveOut): StepError {
  const { words, object, code } = failure;
  const subject = object ? ` ${object}` : " the backup";
  return new StepError(
    `restore-proof: expected pg_restore to restore${subject}, got ${code ? `${code}: ` : ""}${words}. ${remedyOf(failure, leaveOut)}`,
  );
}

/** The error for a restore that failed, with the server's own code for it. */
export async function explainRestore(
  outcome: ProgramOutcome,
  folder: string,
  graph: ObjectGraph,
  leaveOut?: LeaveOut,
): Promise<StepError> {
  const log = await readFile(join(folder, "server.log"), "utf8").catch(() => "");
  return restoreError(readFailure(outcome, log, graph), leaveOut);
}
