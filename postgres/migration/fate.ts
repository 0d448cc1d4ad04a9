/** What a user did to a row, from the tracker. Numbers are in the order of what happened to each row. */
export interface RowEvent {
  seq: number;
  kind: "raw" | "assign" | "reaffirm" | "rekey" | "delete" | "truncate";
  /** Null for `truncate`. */
  key: string | null;
  newKey: string | null;
}

/** A row whose value we changed: under this key, at this point of the order, from this original. */
export interface Entry {
  since: number;
  key: string;
  raw: string | null;
  /** The value that took its place; null only where the application's own upgrade made it so. */
  became: string | null;
}

/** What the undo does with an entry. `key` is the row's key of now. */
export type Fate =
  | { verdict: "restore"; key: string }
  | { verdict: "keep"; key: string; reason: "assigned" | "reaffirmed" }
  | { verdict: "gone"; key: string; reason: "deleted" | "truncated" }
  /** A later old-style write to the same row has an entry of its own. */
  | { verdict: "superseded"; key: string };

export interface FateOptions {
  /** What becomes of a row to which the application assigned the migrated value again. */
  reaffirmed: "keep" | "restore";
  /** Number of the last TRUNCATE; 0 when there was none. */
  truncatedAt: number;
}

/**
 * Follows a row from the moment we changed it through everything users did to it.
 * Pure: the same entry and events always give the same fate.
 * @param eventsOf events of one key, in order.
 */
export function followRow(
  entry: Entry,
  eventsOf: (key: string) => readonly RowEvent[],
  options: FateOptions,
): Fate {
  let { key, since } = entry;
  let reaffirmed = false;
  if (entry.since < options.truncatedAt) {
    const before = followRow(entry, eventsBefore(eventsOf, options.truncatedAt), {
      ...options,
      truncatedAt: 0,
    });
    return before.verdict === "gone" || before.verdict === "superseded"
      ? before
      : { verdict: "gone", key: before.key, reason: "truncated" };
  }
  for (;;) {
    const next = eventsOf(key).find(({ seq }) => seq > since);
    if (!next) break;
    since = next.seq;
    if (next.kind === "raw") return { verdict: "superseded", key };
    if (next.kind === "delete") return { verdict: "gone", key, reason: "deleted" };
    if (next.kind === "assign") return { verdict: "keep", key, reason: "assigned" };
    if (next.kind === "reaffirm") reaffirmed = true;
    if (next.kind === "rekey" && next.newKey !== null) key = next.newKey;
  }
  return reaffirmed && options.reaffirmed === "keep"
    ? { verdict: "keep", key, reason: "reaffirmed" }
    : { verdict: "restore", key };
}

function eventsBefore(eventsOf: (key: string) => readonly RowEvent[], limit: number) {
  return (key: string) => eventsOf(key).filter(({ seq }) => seq < limit);
}
