import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Analysis } from "./analysis.ts";
import type { Deal, DealFields } from "./deal.ts";

const PING_MS = 1_500;

/** Where deals are kept. Tests bring one of their own. */
export interface DealStore {
  create(fields: DealFields): Promise<Deal>;
  find(id: string): Promise<Deal | undefined>;
  /** The oldest deals after this id, by id. */
  list(after: string, limit: number): Promise<Deal[]>;
  /** The newest deals before this id, or of all: newest first. */
  newest(before: string | undefined, limit: number): Promise<Deal[]>;
  /** Sets the fields and `updated_at`. */
  edit(id: string, fields: DealFields): Promise<Deal | undefined>;
  remove(id: string): Promise<boolean>;
  saveAnalysis(analysis: Analysis, release: string): Promise<string>;
  queueAnalysis(dealId: string): Promise<string>;
  ping(): Promise<boolean>;
}

/** Keeps deals in PostgreSQL. Column names come from deal.ts's fixed list, values are always parameters. */
export function openStore(databaseUrl: string, connections: number, onError: (error: Error) => void) {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: connections,
    connectionTimeoutMillis: 3_000,
    application_name: "diligence",
  });
  // An idle connection that the server ends must not end the process; the next request opens another.
  pool.on("error", onError);
  const store: DealStore = {
    create: (fields) => insertDeal(pool, fields),
    find: async (id) => toDeal((await pool.query("SELECT * FROM deals WHERE id = $1", [id])).rows[0]),
    list: async (after, limit) => {
      const { rows } = await pool.query("SELECT * FROM deals WHERE id > $1 ORDER BY id LIMIT $2", [
        after,
        limit,
      ]);
      return rows.map((row) => toDeal(row) as Deal);
    },
    newest: (before, limit) => selectNewest(pool, before, limit),
    edit: (id, fields) => updateDeal(pool, id, fields),
    remove: async (id) => (await pool.query("DELETE FROM deals WHERE id = $1", [id])).rowCount === 1,
    saveAnalysis: (analysis, release) => insertAnalysis(pool, analysis, release),
    queueAnalysis: async (dealId) =>
      (await pool.query("INSERT INTO jobs (deal_id) VALUES ($1) RETURNING id", [dealId])).rows[0].id,
    ping: () => ping(pool),
  };
  return { ...store, pool };
}

/** By the primary key, which rises with every deal: a page costs the same wherever it is. */
async function selectNewest(pool: pg.Pool, before: string | undefined, limit: number): Promise<Deal[]> {
  const { rows } = await pool.query(
    "SELECT * FROM deals WHERE $1::bigint IS NULL OR id < $1 ORDER BY id DESC LIMIT $2",
    [before ?? null, limit],
  );
  return rows.map((row) => toDeal(row) as Deal);
}

async function insertDeal(pool: pg.Pool, fields: DealFields): Promise<Deal> {
  const columns = Object.keys(fields);
  const places = columns.map((_, index) => `$${index + 1}`);
  const { rows } = await pool.query(
    `INSERT INTO deals (${columns.join(", ")}) VALUES (${places.join(", ")}) RETURNING *`,
    Object.values(fields),
  );
  return toDeal(rows[0]) as Deal;
}

async function updateDeal(pool: pg.Pool, id: string, fields: DealFields): Promise<Deal | undefined> {
  const sets = Object.keys(fields).map((column, index) => `${column} = $${index + 2}`);
  const { rows } = await pool.query(
    `UPDATE deals SET ${[...sets, "updated_at = now()"].join(", ")} WHERE id = $1 RETURNING *`,
    [id, ...Object.values(fields)],
  );
  return toDeal(rows[0]);
}

/** The analysis and its cost items in one statement: both are there, or neither. */
async function insertAnalysis(pool: pg.Pool, analysis: Analysis, release: string): Promise<string> {
  const { rows } = await pool.query(
    `WITH saved AS (
       INSERT INTO analyses (deal_id, deal_type, release, synergy_total, cost_total)
       VALUES ($1, $2, $3, $4, $5) RETURNING id
     ), items AS (
       INSERT INTO cost_items (analysis_id, kind, label, amount)
       SELECT saved.id, item.kind, item.label, item.amount::numeric
       FROM saved, jsonb_to_recordset($6::jsonb) AS item (kind text, label text, amount text)
     )
     SELECT id FROM saved`,
    [
      analysis.deal_id,
      analysis.deal_type,
      release,
      analysis.synergy_total,
      analysis.cost_total,
      JSON.stringify(analysis.costs),
    ],
  );
  return rows[0].id;
}

/** Bounded, connecting included: health has to be told also when the database hangs. */
async function ping(pool: pg.Pool): Promise<boolean> {
  const query = pool.query("SELECT 1").then(
    () => true,
    () => false,
  );
  return Promise.race([query, sleep(PING_MS, false, { ref: false })]);
}

function toDeal(row: Record<string, unknown> | undefined): Deal | undefined {
  if (!row) return undefined;
  const iso = (value: unknown) => (value as Date).toISOString();
  return { ...row, created_at: iso(row.created_at), updated_at: iso(row.updated_at) } as Deal;
}
