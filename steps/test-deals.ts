import type { Client } from "pg";
import type { SmokeTestSection } from "../config/smoke-test.ts";
import type { Change } from "../postgres/change.ts";
import { deleteMarked, findMarked, type MarkedRow } from "../postgres/marked-rows.ts";
import { reasonOf, type SmokeApi } from "./smoke-requests.ts";

/** How test deals were removed. */
export interface Removal {
  removed: number;
  /** Those of them that the application did not remove and the database did. */
  byDatabase: number;
  /** Keys that are still there, with the reason. */
  left: { key: string; reason: string }[];
}

interface RemovalContext {
  client: Client;
  change: Change;
  section: SmokeTestSection;
  api: SmokeApi;
  log(line: string): void;
}

/** @returns nothing when the application removed it, else why not. */
async function removeByApi(api: SmokeApi, key: string): Promise<string | undefined> {
  try {
    const { status } = await api.remove(key);
    return (status >= 200 && status < 300) || status === 404 ? undefined : `status ${status}`;
  } catch (error) {
    return reasonOf(error);
  }
}

async function removeByDatabase(
  row: MarkedRow,
  why: string,
  context: RemovalContext,
): Promise<string | undefined> {
  const { client, change, section, log } = context;
  try {
    if (!(await deleteMarked(client, change, section.marker, row))) return undefined;
    log(
      `smoke-test: the application did not remove test deal ${row.key} (${why}): deleted it in the database`,
    );
    return undefined;
  } catch (error) {
    return `${why}; in the database: ${(error as Error).message}`;
  }
}

/**
 * Removes every test deal that there is, of this run and of any that was killed: by the application, so that it clears up
 * what belongs to a deal; else by the database, which is said.
 */
export async function removeTestDeals(context: RemovalContext): Promise<Removal> {
  const { client, change, section, api } = context;
  const rows = await findMarked(client, change, section.marker);
  const failed = new Map<string, string>();
  for (const { key } of rows) {
    const why = await removeByApi(api, key);
    if (why) failed.set(key, why);
  }
  // What the application says is one thing, what is left in the table another.
  const remaining = await findMarked(client, change, section.marker);
  const left: Removal["left"] = [];
  for (const row of remaining) {
    const reason = await removeByDatabase(row, failed.get(row.key) ?? "it said that it did", context);
    if (reason) left.push({ key: row.key, reason });
  }
  return { removed: rows.length - left.length, byDatabase: remaining.length - left.length, left };
}
