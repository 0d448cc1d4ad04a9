import type { Client } from "pg";
import { showValue } from "./change-sql.ts";

/** Writes of one old spelling by one role. */
export interface OldStyleWriter {
  value: string | null;
  /** Login role; null for writes that an earlier release of this program has seen. */
  writer: string | null;
  writes: number;
  /** UTC, ISO 8601. */
  lastAt: string;
}

/** What the journal knows of old-style writes, by the database's clock. */
export interface OldStyleWrites {
  /** Since when every one of them was seen: the triggers stood and the migration was done. Null while it is not. */
  watchedSince: string | null;
  /** All that were seen, the migration's own rows left out. */
  total: number;
  last: Pick<OldStyleWriter, "value" | "writer" | "lastAt"> | null;
  /** Seconds without one: since the last of them, or since they are watched. Null while they are not. */
  quietSeconds: number | null;
  /** Those of the time that has to be quiet, newest first, the first few. */
  recent: OldStyleWriter[];
}

const WRITERS_SHOWN = 5;

interface Summary {
  watched: Date | null;
  total: string;
  value: string | null;
  writer: string | null;
  last: Date | null;
  quiet: string | null;
}

/** `triggers_at` is null where an earlier release made them: then the migration's end tells, which came after. */
const SUMMARY = `
  WITH known AS (
    SELECT CASE WHEN c.backfilled_at IS NOT NULL THEN greatest(c.triggers_at, c.backfilled_at) END AS watched
    FROM rollout.change AS c
  ), last AS (
    SELECT e.raw, e.writer, e.at FROM rollout.event AS e WHERE e.kind = 'raw' ORDER BY e.seq DESC LIMIT 1
  )
  SELECT k.watched, (SELECT count(*) FROM rollout.event WHERE kind = 'raw') AS total,
         l.raw AS value, l.writer, l.at AS last,
         CASE WHEN k.watched IS NOT NULL
              THEN extract(epoch FROM clock_timestamp() - greatest(k.watched, l.at)) END AS quiet
  FROM known AS k LEFT JOIN last AS l ON true`;

/** Reads the journal. To be sure that no transaction still holds a write back, the caller locks the table first. */
export async function readOldStyleWrites(client: Client, withinSeconds: number): Promise<OldStyleWrites> {
  const summary = (await client.query<Summary>(SUMMARY)).rows[0];
  const { rows } = await client.query<{
    value: string | null;
    writer: string | null;
    writes: string;
    at: Date;
  }>(
    `SELECT raw AS value, writer, count(*) AS writes, max(at) AS at FROM rollout.event
     WHERE kind = 'raw' AND at > clock_timestamp() - make_interval(secs => $1)
     GROUP BY 1, 2 ORDER BY 4 DESC LIMIT ${WRITERS_SHOWN}`,
    [withinSeconds],
  );
  const { value = null, writer = null, last, watched, quiet } = summary ?? {};
  return {
    watchedSince: watched?.toISOString() ?? null,
    total: Number(summary?.total ?? 0),
    last: last ? { value, writer, lastAt: last.toISOString() } : null,
    quietSeconds: quiet === null || quiet === undefined ? null : Number(quiet),
    recent: rows.map(({ at, writes, ...row }) => ({
      ...row,
      writes: Number(writes),
      lastAt: at.toISOString(),
    })),
  };
}

/** `"carve-out" by app_writer`, as people read it. Pure. */
export function showWriter({ value, writer }: Pick<OldStyleWriter, "value" | "writer">): string {
  return `${showValue(value)}${writer === null ? "" : ` by role ${writer}`}`;
}
