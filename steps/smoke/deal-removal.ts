import type { Client } from "pg";
import { deleteMarked, type MarkedRow, type Marker } from "../../postgres/deals/marked-rows.ts";
import type { Change } from "../../postgres/migration/change.ts";
import { quoteName, quoteText, tableName } from "../../postgres/migration/change-sql.ts";
import { childEnvironment, runProgram } from "../../processes/child-process.ts";
import { isInstalled } from "../../processes/installed-program.ts";
import { lineEnd } from "../../system/plain-line.ts";
import type { DealRemoval } from "./smoke-requests.ts";

const COMMAND_MS = 60_000;

/** A statement as the server takes it: `:key` and `:marker` are parameters, never text. */
function prepare(sql: string, { key, marker }: MarkedRow): { text: string; values: string[] } {
  const values: string[] = [];
  const text = sql.replaceAll(/(?<!:):(key|marker)\b/g, (_, name: "key" | "marker") => {
    values.push(name === "key" ? key : marker);
    return `$${values.length}`;
  });
  return { text, values };
}

/** Runs the configured command for one deal. @returns nothing when it ended well, else why not. */
export async function removeByCommand(
  command: readonly string[],
  { key, marker }: MarkedRow,
): Promise<string | undefined> {
  const argv = command.map((part) =>
    part.replaceAll("{key}", () => key).replaceAll("{marker}", () => marker),
  );
  const outcome = await runProgram(argv, { environment: childEnvironment(), timeoutMs: COMMAND_MS });
  if (outcome.exitCode === 0 && !outcome.failure) return undefined;
  const said = lineEnd(`${outcome.stdout} ${outcome.stderr}`);
  return `${argv[0]}: ${outcome.failure ?? `exit code ${outcome.exitCode}`}${said ? `, ${said}` : ""}`;
}

/**
 * Removes one deal in the database, with the configured statements for what hangs on it first: all of it, or nothing. Only
 * while the row still bears its marker.
 */
export async function removeInDatabase(
  client: Client,
  change: Change,
  marker: Marker,
  row: MarkedRow,
  sql: readonly string[] = [],
): Promise<boolean> {
  await client.query("BEGIN");
  try {
    const own = `t.${quoteName(change.key)} = $1 AND t.${quoteName(marker.field)} = $2`;
    const held = await client.query(`SELECT FROM ${tableName(change)} AS t WHERE ${own} FOR UPDATE`, [
      row.key,
      row.marker,
    ]);
    if (held.rowCount === 1) {
      for (const statement of sql) await client.query(prepare(statement, row));
      await deleteMarked(client, change, marker, row);
    }
    await client.query("COMMIT");
    return held.rowCount === 1;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  }
}

/** What a person runs to remove a deal that is left. */
export function removalStatement(change: Change, { field }: Marker, { key, marker }: MarkedRow): string {
  return `DELETE FROM ${tableName(change)} WHERE ${quoteName(change.key)} = ${quoteText(key)} AND ${quoteName(field)} = ${quoteText(marker)}`;
}

/** What keeps the configured ways from removing a deal: statements are prepared, not run. */
export async function removalBlockers(
  { remove }: DealRemoval,
  client: Client,
  step: string,
): Promise<string[]> {
  const faults: string[] = [];
  const [program] = remove.command ?? [];
  if (program !== undefined && !(await isInstalled(program, { environment: childEnvironment() })))
    faults.push(
      `${step}: expected the program ${program} to be there, got none. Install it, or correct smokeTest.remove.command.`,
    );
  for (const [at, statement] of (remove.sql ?? []).entries()) {
    const { text } = prepare(statement, { key: "", marker: "" });
    try {
      await client.query(`PREPARE rollout_removal AS ${text}`);
      await client.query("DEALLOCATE rollout_removal");
    } catch (error) {
      faults.push(
        `${step}: expected smokeTest.remove.sql[${at}] to be a statement that the server takes, got ${(error as Error).message}. Correct it; tables are named with their schema.`,
      );
    }
  }
  return faults;
}
