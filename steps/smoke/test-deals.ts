import type { Client } from "pg";
import { findMarked, type MarkedRow, type Marker } from "../../postgres/deals/marked-rows.ts";
import type { Change } from "../../postgres/migration/change.ts";
import { withConnection } from "../../postgres/session.ts";
import type { StepDeps, UndoResult } from "../step.ts";
import { removalStatement, removeByCommand, removeInDatabase } from "./deal-removal.ts";
import { DealApi, type DealRemoval, reasonOf } from "./smoke-requests.ts";

/** How test deals were removed. */
export interface Removal {
  removed: number;
  /** Those of them that the application did not remove and the database did. */
  byDatabase: number;
  /** Keys that are still there, with the reason. */
  left: { key: string; reason: string; statement: string }[];
}

interface RemovalContext {
  client: Client;
  change: Change;
  marker: Marker;
  api: DealApi;
  removal: DealRemoval;
  /** Name of the step in what it says. */
  step: string;
  log(line: string): void;
}

/** @returns nothing when the application removed it, else why not. */
async function removeByApi(api: DealApi, key: string): Promise<string | undefined> {
  try {
    const answer = await api.remove(key);
    if (!answer) return "it has no address for it";
    return answer.status >= 200 && answer.status < 300 ? undefined : `status ${answer.status}`;
  } catch (error) {
    return reasonOf(error);
  }
}

async function removeByDatabase(
  row: MarkedRow,
  why: string,
  context: RemovalContext,
): Promise<string | undefined> {
  const { client, change, marker, removal, log, step } = context;
  try {
    if (!(await removeInDatabase(client, change, marker, row, removal.remove.sql))) return undefined;
    log(`${step}: the application did not remove test deal ${row.key} (${why}): deleted it in the database`);
    return undefined;
  } catch (error) {
    return `${why}; in the database: ${(error as Error).message}`;
  }
}

/**
 * Removes every test deal that there is, of this run and of any that was killed: by the application, so that it clears up
 * what belongs to a deal; else by the database, which is said.
 */
async function removeTestDeals(context: RemovalContext): Promise<Removal> {
  const { client, change, marker, api, removal } = context;
  const { path, command } = removal.remove;
  const rows = await findMarked(client, change, marker);
  const failed = new Map<string, string>();
  for (const row of rows) {
    const byApi = path === undefined && command ? "" : await removeByApi(api, row.key);
    const why = byApi !== undefined && command ? await removeByCommand(command, row) : byApi;
    if (why) failed.set(row.key, why);
  }
  // What the application says is one thing, what is left in the table another.
  const remaining = await findMarked(client, change, marker);
  const left: Removal["left"] = [];
  for (const row of remaining) {
    const reason = await removeByDatabase(row, failed.get(row.key) ?? "it said that it did", context);
    if (reason) left.push({ key: row.key, reason, statement: removalStatement(change, marker, row) });
  }
  return { removed: rows.length - left.length, byDatabase: remaining.length - left.length, left };
}

/** Whose test deals are removed, and how. */
export interface TestDeals {
  change: Change;
  app: { url: string };
  removal: DealRemoval;
  marker: Marker;
  step: string;
}

type Outside = Pick<StepDeps, "connect" | "log">;

/** Removes all that there are, on a connection and by requests of its own. */
function clearTestDeals(
  { app, removal, ...deals }: TestDeals,
  deps: Outside,
  signal: AbortSignal,
): Promise<Removal> {
  const api = new DealApi(app.url, removal, signal);
  const context = { ...deals, removal, api, log: deps.log };
  return withConnection(deps, (client) => removeTestDeals({ ...context, client }));
}

const CLEAR_MS = 60_000;

/** After work that failed: why it did is what a person has to know first, so what is left is said, not thrown. */
async function clearAfterFailure(deals: TestDeals, deps: Outside): Promise<void> {
  const say = (what: string) =>
    deps.log(`${deals.step}: ${what}; the next run or the undo tries to remove it again`);
  try {
    const { left } = await clearTestDeals(deals, deps, AbortSignal.timeout(CLEAR_MS));
    for (const deal of left) say(leftDealLine(deal));
  } catch (error) {
    say(`test deals may be there still (${(error as Error).message.split("\n")[0]})`);
  }
}

/**
 * Does work that creates test deals, and removes them whatever becomes of it, a cancelled step included: not by the
 * step's own signal. @returns what the work gave, how many were removed, and lines for those that are still there.
 */
export async function withTestDeals<T>(deals: TestDeals, deps: Outside, work: () => Promise<T>) {
  const before = await clearTestDeals(deals, deps, AbortSignal.timeout(CLEAR_MS));
  if (before.removed > 0)
    deps.log(`${deals.step}: removed ${before.removed} test deals that an earlier run left`);
  const value = await work().catch(async (error: unknown) => {
    await clearAfterFailure(deals, deps);
    throw error;
  });
  const after = await clearTestDeals(deals, deps, AbortSignal.timeout(CLEAR_MS));
  return {
    value,
    removed: before.removed + after.removed,
    byDatabase: before.byDatabase + after.byDatabase,
    left: after.left.map(leftDealLine),
  };
}

/** The undo of a step with test deals: a database or an application that is down holds up no way back. */
export async function undoTestDeals(deals: TestDeals, deps: StepDeps): Promise<UndoResult> {
  const { marker } = deals;
  try {
    const { removed, left } = await clearTestDeals(deals, deps, deps.signal);
    return {
      summary: `removed ${removed} test deals`,
      kept: left.map(({ key, reason, statement }) => ({
        subject: `test deal ${key}`,
        reason: `${reason}. Remove it: ${statement}`,
      })),
    };
  } catch (error) {
    deps.signal.throwIfAborted();
    const reason = `the database could not be looked at (${(error as Error).message.split("\n")[0]})`;
    const subject = `test deals whose ${marker.field} begins with ${marker.prefix}, if there are any`;
    return { summary: "could not look for test deals", kept: [{ subject, reason }] };
  }
}

/** What is still there, for the person who has to remove it. */
const leftDealLine = ({ key, reason, statement }: Removal["left"][number]) =>
  `test deal ${key} is still there: ${reason}. Remove what hangs on it (smokeTest.remove.sql), and it: ${statement}`;
