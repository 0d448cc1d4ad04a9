import type { Client } from "pg";
import { connect } from "../connect.ts";

/** A transaction's commit in the log. */
export interface Commit {
  /** Where its record begins. */
  lsn: string;
  /** 32 bits, as the log has it. */
  xid: number;
}

/** Which transactions a snapshot sees: all before `xmax` but those of `running`. */
export interface Visibility {
  xmax: bigint;
  running: ReadonlySet<bigint>;
}

/** Reads `xmin:xmax:running,…`. Pure. */
export function parseVisibility(text: string): Visibility {
  const [, xmax = "0", running = ""] = text.split(":");
  return { xmax: BigInt(xmax), running: new Set(running.split(",").filter(Boolean).map(BigInt)) };
}

/** The connection's snapshot, which has to be one for all of its statements. */
export async function readVisibility(client: Client): Promise<Visibility> {
  const { rows } = await client.query<{ snapshot: string }>("SELECT pg_current_snapshot()::text AS snapshot");
  return parseVisibility(rows[0]?.snapshot ?? "");
}

const EPOCH = 1n << 32n;

/** The log has the lower half of a transaction's number; it is less than 2^31 away from the snapshot's. */
function fullNumber(xid: number, { xmax }: Visibility): bigint {
  const near = (xmax / EPOCH) * EPOCH + BigInt(xid);
  if (near - xmax > EPOCH / 2n) return near - EPOCH;
  return xmax - near > EPOCH / 2n ? near + EPOCH : near;
}

function sees(visibility: Visibility, commit: Commit): boolean {
  const number = fullNumber(commit.xid, visibility);
  return number < visibility.xmax && !visibility.running.has(number);
}

/**
 * The commit after which the log shows just what the snapshot shows. Transactions become visible a moment after their
 * commit is in the log, and not always in its order: where one that the snapshot misses lies before one that it sees,
 * no place in the log is like it. Pure.
 * @returns null when the snapshot sees none of them, undefined when there is no such place.
 */
export function lastSeenCommit(
  commits: readonly Commit[],
  visibility: Visibility,
): string | null | undefined {
  const seen = commits.map((commit) => sees(visibility, commit));
  const last = seen.lastIndexOf(true);
  if (last < 0) return null;
  return seen.slice(0, last).includes(false) ? undefined : (commits[last] as Commit).lsn;
}

/**
 * Commits a transaction that changes nothing, behind all that a snapshot taken before can see. Its empty message is
 * what makes the server send it at once: the commit of nothing at all may stay in memory for seconds.
 * @returns its number in the log.
 */
export async function commitMarker(databaseUrl: string): Promise<number> {
  const client = await connect(databaseUrl);
  try {
    const { rows } = await client.query<{ xid: string }>(
      "SELECT pg_current_xact_id()::text AS xid, pg_logical_emit_message(true, 'rollout', '')",
    );
    return Number(BigInt(rows[0]?.xid ?? "0") % EPOCH);
  } finally {
    await client.end().catch(() => undefined);
  }
}
