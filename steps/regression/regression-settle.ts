import type { Client } from "pg";
import { findDeleted, findOlder } from "../../postgres/deals/deal-fate.ts";
import type { KeyedRow, KeyReader } from "../../postgres/deals/key-pages.ts";
import type { Change } from "../../postgres/migration/change.ts";
import { mapValue } from "../../postgres/migration/change-sql.ts";
import { type Finding, type FindingClass, isRegression } from "./regression-finding.ts";
import type { DealFault } from "./regression-judge.ts";

/** A row as a snapshot had it. */
interface SeenRow {
  type: string | null | undefined;
  row: string | undefined;
}

/** A deal that is not as it was, before anybody asked what users did to it. */
export interface Suspect {
  key: string;
  class: "different" | "failing" | "missing" | "extra";
  faults: DealFault[];
  before?: SeenRow;
  now?: SeenRow;
}

/** What is asked to tell regressions from what users did. */
export interface SettleOptions {
  change: Change;
  reader: KeyReader;
  client: Client;
  /** Whether the digests of both snapshots are of the same columns. */
  comparable: boolean;
  createdColumn: string | undefined;
  /** When the earlier snapshot began, by the database's clock where that is known. */
  since: string;
  /** When the later one began, in the database's own time; unknown of one that an older release took. */
  laterMoment: string | undefined;
  /** Accepted keys, and why. */
  accepted: ReadonlyMap<string, string>;
}

/** The rows of some deals, and what is known of those that are gone or too old. */
interface Facts {
  rows: ReadonlyMap<string, KeyedRow>;
  /** Written since the later snapshot began, be it with the same values. */
  written: ReadonlySet<string>;
  deleted: ReadonlySet<string>;
  older: ReadonlySet<string>;
}

const keysOf = (suspects: readonly Suspect[], wanted: Suspect["class"]) =>
  suspects.filter((suspect) => suspect.class === wanted).map(({ key }) => key);

async function readFacts(suspects: readonly Suspect[], options: SettleOptions): Promise<Facts> {
  const { reader, client, change, createdColumn: column, since: moment } = options;
  const rows = new Map((await reader.readRows(suspects.map(({ key }) => key))).map((row) => [row.key, row]));
  const { laterMoment } = options;
  const written = laterMoment === undefined ? [] : await reader.readWritten([...rows.keys()], laterMoment);
  const gone = suspects.map(({ key }) => key).filter((key) => !rows.has(key));
  const extra = keysOf(suspects, "extra");
  return {
    rows,
    written: new Set(written),
    deleted: gone.length > 0 ? await findDeleted(client, gone) : new Set(),
    older:
      column && extra.length > 0
        ? await findOlder(client, change, { column, moment, keys: extra })
        : new Set(),
  };
}

/**
 * Whether the row is another one by now than the later snapshot read, or was in between: its answer may be to either.
 */
function wasEditedSince({ now, key }: Suspect, { rows, written }: Facts): boolean {
  const current = rows.get(key);
  if (written.has(key)) return true;
  return current !== undefined && (current.type !== now?.type || current.row !== now?.row);
}

/** Whether the row was another one for each of the two answers. */
function wasEditedBetween({ before, now }: Suspect, { change, comparable }: SettleOptions): boolean {
  if (before?.type === undefined || now?.type === undefined) return false;
  return mapValue(change, before.type) !== now.type || (comparable && before.row !== now.row);
}

function settleOne(
  suspect: Suspect,
  facts: Facts,
  options: SettleOptions,
): Pick<Finding, "class" | "faults"> {
  const { key, faults } = suspect;
  const as = (what: FindingClass, kept = faults) => ({ class: what, faults: kept });
  const gone = !facts.rows.has(key);
  switch (suspect.class) {
    case "missing":
      return as(gone && facts.deleted.has(key) ? "deleted" : "missing");
    case "failing":
      return as(gone ? "deleted" : "failing");
    case "extra":
      if (facts.older.has(key)) return as("extra");
      // The answer may be to what the row was before the edit: it says nothing of the rules.
      if (wasEditedSince(suspect, facts)) return as("created", []);
      return as(faults.length > 0 ? "different" : "created");
    default: {
      if (wasEditedSince(suspect, facts)) return as("changed");
      if (!wasEditedBetween(suspect, options)) return as("different");
      // A rule about the output alone holds whatever a user edited.
      const left = faults.filter(({ standalone }) => standalone);
      return left.length > 0 ? as("different", left) : as("changed");
    }
  }
}

/** Tells the regressions among some deals from what users did to them meanwhile. */
export async function settle(suspects: readonly Suspect[], options: SettleOptions): Promise<Finding[]> {
  const facts = await readFacts(suspects, options);
  return suspects.map((suspect) => {
    const { key, now, before } = suspect;
    const found = settleOne(suspect, facts, options);
    const type = (now ?? before)?.type ?? null;
    const reason = options.accepted.get(key);
    const judged = { key, type: now ? type : mapValue(options.change, type), ...found };
    return reason !== undefined && isRegression(found) ? { ...judged, class: "accepted", reason } : judged;
  });
}
