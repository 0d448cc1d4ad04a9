import type { Client } from "pg";
import { rolloutSchemaState } from "../rollout-schema.ts";
import { type ChangeRecord, readChangeRecord } from "./change-record.ts";
import { dropRollout, removeTriggers, type TableWork } from "./expand.ts";
import { exportJournal } from "./journal-export.ts";
import { countLeftRows, ensureLeftTable } from "./left-record.ts";
import { diagnose, type Refusal } from "./refusal.ts";
import { readTriggers } from "./triggers.ts";

/** What this program has left in a database. */
export interface DatabaseTraces {
  /** `foreign`: a schema of that name that this program did not make, or the rollout of another stack. */
  schema: "absent" | "ours" | "foreign";
  /** Absent where the schema holds a lease at the most. */
  record?: ChangeRecord;
  /** Original values that were not given back. */
  originals: number;
  triggers: string[];
}

const ORIGINALS = `
  SELECT (SELECT coalesce(sum(cardinality(keys)), 0) FROM rollout.journal WHERE NOT restored)
       + (SELECT count(*) FROM rollout.event WHERE kind = 'raw' AND NOT restored) AS rows`;

/** Original values that the journal holds and that were not given back. To be called where there is a journal. */
export async function countOriginals(client: Client): Promise<number> {
  const pending = Number((await client.query<{ rows: string }>(ORIGINALS)).rows[0]?.rows);
  return pending + (await countLeftRows(client));
}

/** Reads what is there. */
export async function readDatabaseTraces(client: Client, stack: string): Promise<DatabaseTraces> {
  const schema = await rolloutSchemaState(client);
  if (schema !== "ours") return { schema, originals: 0, triggers: [] };
  const record = await readChangeRecord(client);
  if (!record) return { schema, originals: 0, triggers: [] };
  if (record.stack !== stack) return { schema: "foreign", record, originals: 0, triggers: [] };
  const triggers = Object.keys(await readTriggers(client, record.change));
  return { schema, record, originals: await countOriginals(client), triggers };
}

type Save = (name: string, content: Buffer) => Promise<string>;

/** Journal, events and what is left into the evidence. @returns where that is, and its lines. */
export async function keepJournal(
  { client, change }: TableWork,
  save: Save,
): Promise<{ artifact: string; lines: number }> {
  const { content, lines } = await exportJournal(client);
  return { artifact: await save(`journal-${change.table}.jsonl.gz`, content), lines };
}

/**
 * Triggers off, journal into the evidence, then schema and role: in this order, so that nothing is written to the journal
 * after it was exported, and nothing is dropped that is not kept.
 * @returns where the journal is kept, its lines, and why the role stays, if it does.
 */
export async function removeRollout(
  work: TableWork,
  record: ChangeRecord,
  save: Save,
): Promise<{ artifact: string; lines: number; role: Refusal | undefined }> {
  // Where there is no right to the table any more, the functions take them along.
  await removeTriggers(work).catch((error: unknown) => {
    if (!diagnose(error)) throw error;
  });
  // Where an earlier release made the schema.
  await ensureLeftTable(work.client, work.lease);
  const kept = await keepJournal(work, save);
  return { ...kept, role: await dropRollout(work, record) };
}
