import type { Client } from "pg";
import { StepError } from "../../errors/step-error.ts";
import type { ProgramOutcome } from "../../processes/child-process.ts";
import { lineEnd } from "../../system/plain-line.ts";
import { sqlState } from "../transaction.ts";

/** What programs of PostgreSQL say, and what is to be done about it. The first that matches counts. */
const REASONS: [RegExp, (match: RegExpExecArray) => string][] = [
  [
    /row-level security policy for table "([^"]+)"/,
    ([, table]) =>
      `every row of ${table} to be visible, got row security that hides some. ` +
      "As a superuser: ALTER ROLE … BYPASSRLS for the role in databaseUrl.",
  ],
  [
    /permission denied for (.+)/,
    ([, subject]) =>
      `the right to read everything, got permission denied for ${subject}. ` +
      "As a superuser: GRANT pg_read_all_data to the role in databaseUrl.",
  ],
  [
    /lock timeout|could not obtain lock on relation "?([^"\n]+)"?|Lock_timeout/i,
    ([, relation]) =>
      `a shared lock on ${relation ?? "every table"} in time, got another session's exclusive lock in the way. ` +
      "Wait for that session (pg_stat_activity, pg_locks) and run again.",
  ],
  [
    /No space left on device|Disk quota exceeded/i,
    () => "enough room for the dump, got a full disk. Free space or point backup.url at another disk.",
  ],
  [
    /server version mismatch|server version: ([\d.]+)/,
    () => "a pg_dump not older than the server, got an older one. Install the server's client programs.",
  ],
  [
    /invalid snapshot identifier|could not import the requested snapshot/,
    () => "the shared snapshot to stay open, got none. Was the server restarted? Run again.",
  ],
];

/** The last line a program printed, bounded: PostgreSQL's own words where none of the above fits. */
function lastWords({ stderr }: ProgramOutcome): string {
  return lineEnd(stderr.trim().split("\n").at(-1) ?? "");
}

/** The error for a program that failed. `program` is its name; no argument is shown. */
export function dumpFailure(program: string, outcome: ProgramOutcome): StepError {
  for (const [pattern, explain] of REASONS) {
    const match = pattern.exec(outcome.stderr);
    if (match) return new StepError(`backup: expected ${explain(match)}`);
  }
  const how = outcome.failure ?? `exit code ${outcome.exitCode}`;
  return new StepError(
    `backup: expected ${program} to succeed, got ${how}: ${lastWords(outcome)}. Mend that and run again.`,
  );
}

const EXCLUSIVE_LOCKS = `
SELECT DISTINCT format('%s by process %s', l.relation::regclass, l.pid) AS lock FROM pg_locks l
 WHERE l.mode = 'AccessExclusiveLock' AND l.granted AND l.locktype = 'relation'
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.pid <> pg_backend_pid()
 LIMIT 5`;

/** An error of our own session in the same words; a lock that was waited for in vain is named with its holder. */
export async function explainSessionError(error: unknown, client: Client): Promise<unknown> {
  if (sqlState(error) === "55P03") {
    const { rows } = await client.query<{ lock: string }>(EXCLUSIVE_LOCKS).catch(() => ({ rows: [] }));
    const holders = rows.map(({ lock }) => lock).join(", ") || "another session's exclusive lock";
    return new StepError(
      `backup: expected a shared lock on every table in time, got exclusive locks in the way (${holders}). ` +
        "Wait for that session (pg_stat_activity) and run again.",
    );
  }
  if (sqlState(error) === "42501" || sqlState(error) === "53100")
    return dumpFailure("the session", { exitCode: undefined, stdout: "", stderr: (error as Error).message });
  return error;
}
