import { randomBytes } from "node:crypto";
import type pg from "pg";
import { StepError } from "../../errors/step-error.ts";
import { APPLICATION_NAME } from "../connect.ts";
import { readConnectionWords } from "../connection-words.ts";
import { openConnection } from "../open-connection.ts";

/** A connection that speaks of the server's log, as pg_basebackup has it; the caller ends it. */
async function connectReplication(databaseUrl: string): Promise<pg.Client> {
  const opening = { applicationName: APPLICATION_NAME, replication: true };
  return openConnection(readConnectionWords(databaseUrl), opening, async () => undefined);
}

/** Asks the server to speak of its log. @returns its words when it refuses. */
export async function tryReplication(databaseUrl: string): Promise<string | undefined> {
  try {
    const client = await connectReplication(databaseUrl);
    await client.query("IDENTIFY_SYSTEM").finally(() => client.end());
    return undefined;
  } catch (error) {
    const said = error instanceof StepError ? (error.cause ?? error) : error;
    return said instanceof Error ? said.message : String(said);
  }
}

/**
 * Has the server keep its log from now on: without it a checkpoint may remove what has not been sent yet. The slot is
 * a temporary one: it is gone with this connection, however we end.
 * @returns gives the log free again.
 */
export async function reserveLog(databaseUrl: string): Promise<() => Promise<void>> {
  const client = await connectReplication(databaseUrl);
  const slot = `rollout_backup_${randomBytes(6).toString("hex")}`;
  try {
    await client.query(`CREATE_REPLICATION_SLOT ${slot} TEMPORARY PHYSICAL RESERVE_WAL`);
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
  return () => client.end().catch(() => undefined);
}
