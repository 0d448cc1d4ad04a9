import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Client } from "pg";
import { inTransaction } from "../transaction.ts";

const compress = promisify(gzip);
const ROWS_A_FETCH = 500;

/** What is exported, in this order. Numbers order everything that happened to a row. */
const TABLES: Record<string, string> = {
  change: "SELECT * FROM rollout.change",
  journal: "SELECT * FROM rollout.journal ORDER BY id",
  event: "SELECT * FROM rollout.event ORDER BY seq",
  kept: "SELECT * FROM rollout.kept ORDER BY entry, key",
  refused: "SELECT * FROM rollout.refused ORDER BY entry, subject",
};

async function readLines(
  client: Client,
  table: string,
  query: string,
): Promise<{ parts: Buffer[]; rows: number }> {
  const parts: Buffer[] = [];
  let rows = 0;
  await client.query(
    `DECLARE export NO SCROLL CURSOR FOR SELECT json_build_object('table', '${table}', 'row', to_json(q.*))::text AS line FROM (${query}) q`,
  );
  for (;;) {
    const page = await client.query<{ line: string }>(`FETCH ${ROWS_A_FETCH} FROM export`);
    if (page.rows.length === 0) break;
    rows += page.rows.length;
    // Members of a gzip file may follow each other: the pages need not be in memory at once uncompressed.
    parts.push(await compress(page.rows.map(({ line }) => `${line}\n`).join("")));
  }
  await client.query("CLOSE export");
  return { parts, rows };
}

/** The journal as gzip of JSON lines `{"table", "row"}`: all that is known of every value that was changed. */
export async function exportJournal(client: Client): Promise<{ content: Buffer; lines: number }> {
  return inTransaction(client, { mode: "ISOLATION LEVEL REPEATABLE READ, READ ONLY" }, async () => {
    const parts: Buffer[] = [];
    let lines = 0;
    for (const [table, query] of Object.entries(TABLES)) {
      const exported = await readLines(client, table, query);
      parts.push(...exported.parts);
      lines += exported.rows;
    }
    return { content: Buffer.concat(parts), lines };
  });
}
