import pg from "pg";
import { ODDITIES, SHARES, UNMAPPED } from "../oddities.ts";
import { GRANTS, INDEXES, TABLES } from "./tables.ts";

/** What the seeded database is to hold. */
export interface SeedOptions {
  /** Number of deals, 1 to 20,000,000. */
  deals: number;
  /** Plants a few deals with spellings that no rule maps. */
  unmapped: boolean;
}

export const DEFAULT_DEALS = 20_000;
const BATCH = 100_000;
/** A line each so many deals. */
const PROGRESS = 500_000;
/** Every n-th deal has been analysed before. */
const ANALYSED_EVERY = 10;

/**
 * Creates and fills the app's tables. The rows are computed from their key by PostgreSQL itself, batch by
 * batch: the same call gives the same rows everywhere, and no row passes through this process.
 */
export async function seed(
  client: pg.Client,
  options: SeedOptions,
  log: (line: string) => void,
): Promise<void> {
  await client.query(
    "SET TimeZone = 'UTC'; SET synchronous_commit = off; SET maintenance_work_mem = '256MB'",
  );
  await client.query(TABLES);
  for (let from = 1; from <= options.deals; from += BATCH) {
    const to = Math.min(from + BATCH - 1, options.deals);
    await client.query(DEALS, [from, to]);
    if (to % PROGRESS === 0)
      log(`seeded ${to.toLocaleString("en")} of ${options.deals.toLocaleString("en")} deals`);
  }
  if (options.unmapped) await plantUnmapped(client, options.deals);
  await client.query(ANALYSES, [ANALYSED_EVERY]);
  await client.query(COST_ITEMS);
  for (const table of ["deals", "analyses", "cost_items"]) await moveSequence(client, table);
  await client.query(INDEXES);
  await client.query(GRANTS);
  await client.query("VACUUM ANALYZE");
  // The last commit above may still be in memory only; this one waits for it.
  await client.query("SET synchronous_commit = on");
  await client.query("COMMENT ON TABLE deals IS 'Deals under diligence'");
}

async function moveSequence(client: pg.Client, table: string): Promise<void> {
  await client.query(
    `SELECT setval(pg_get_serial_sequence('${table}', 'id'), coalesce(max(id), 0) + 1, false) FROM ${table}`,
  );
}

/** Spread over the table, so that the first and the last batch of a backfill meet some too. */
async function plantUnmapped(client: pg.Client, deals: number): Promise<void> {
  const stride = Math.max(1, Math.floor(deals / UNMAPPED.length));
  for (const [index, spelling] of UNMAPPED.entries()) {
    await client.query("UPDATE deals SET deal_type = $1 WHERE id = $2", [spelling, 1 + index * stride]);
  }
  await client.query("VACUUM deals");
}

/** A number in [0, n) from a row's key: well mixed, and the same on every PostgreSQL (hash partitioning rests on it). */
const mix = (salt: number, n: number) => `(hashint8extended(i, ${salt}) & 1073741823) % ${n}`;

const list = (values: readonly string[]) =>
  `ARRAY[${values.map((value) => pg.escapeLiteral(value)).join(", ")}]::text[]`;
const pick = (values: readonly string[], salt: number) =>
  `(${list(values)})[1 + ${mix(salt, values.length)}]`;

/** Deal types by share of 10,000: thresholds over one mixed number. */
function dealTypeSql(): string {
  const shares: [string, number][] = [
    ["NULL", SHARES.none],
    ["'acquisition'", SHARES.acquisition],
    ["'carveout'", SHARES.carveout],
    ["'divestiture'", SHARES.divestiture],
    ...ODDITIES.map(({ spelling, per10k }): [string, number] => [pg.escapeLiteral(spelling), per10k]),
  ];
  let upTo = 0;
  const branches = shares.map(([value, share]) => {
    upTo += share;
    return `WHEN m < ${upTo} THEN ${value}`;
  });
  return `CASE ${branches.join(" ")} END`;
}

const CODENAMES = [
  "Falcon",
  "Ångström",
  "Łódź",
  "北極星",
  "Ñandú",
  "O'Hara",
  "Граніт",
  "Cafe\u0301",
  "🚀 Apollo",
  "Orion",
];
const COMPANIES = [
  "Müller & Söhne",
  "株式会社東海",
  "Škoda Systems",
  "O'Neill Ltd",
  "شركة النور",
  'Acme "West"',
  "Smørrebrød A/S",
  "Zürich Data",
  "Γαλαξίας",
  "Northwind",
];
const LEADS = ["A. Okafor", "B. Lindström", "C. Nguyễn", "D. García", "E. O’Brien", "F. 山田"];
const STATUSES = ["open", "active", "active", "closed", "archived"];

const DEALS = `
INSERT INTO deals (id, name, target_name, deal_type, status, lead_name, currency, it_budget, employees,
                   applications, notes, created_at, updated_at)
SELECT i, 'Project ' || ${pick(CODENAMES, 1)} || ' ' || i, ${pick(COMPANIES, 2)}, ${dealTypeSql()},
       ${pick(STATUSES, 3)}, ${pick(LEADS, 4)}, ${pick(["USD", "USD", "EUR", "GBP", "JPY"], 5)},
       (${mix(6, 500_000_000)})::numeric / 100, 20 + ${mix(7, 12_000)}, 3 + ${mix(8, 400)},
       CASE WHEN ${mix(9, 4)} = 0 THEN NULL ELSE 'Source ' || ${mix(10, 1_000_000)} || ': data room, ' || ${pick(COMPANIES, 11)} END,
       created, created + make_interval(mins => (${mix(12, 400_000)})::int)
FROM (SELECT i, ${mix(13, 10_000)} AS m,
             timestamptz '2022-01-01 00:00:00Z' + make_interval(mins => (${mix(14, 1_500_000)})::int) AS created
      FROM generate_series($1::bigint, $2::bigint) AS i) AS rows
ORDER BY i`;

// The figures that the baseline release's engines give for the same deal, to the cent (a test compares them).
const ANALYSES = `
INSERT INTO analyses (deal_id, deal_type, synergy_total, cost_total, created_at)
SELECT id, deal_type, round(it_budget * 0.12, 2) + applications * 4500.00,
       employees * 1150.00 + applications * 42000.00 + employees * 85.00, updated_at
FROM deals WHERE id % $1 = 0 ORDER BY id`;

const COST_ITEMS = `
INSERT INTO cost_items (analysis_id, kind, label, amount)
SELECT analyses.id, 'integration', item.label, item.amount
FROM analyses JOIN deals ON deals.id = analyses.deal_id,
LATERAL (VALUES ('Infrastructure', employees * 1150.00), ('Applications', applications * 42000.00),
                ('Identity and access', employees * 85.00)) AS item (label, amount)
ORDER BY analyses.id, item.label`;
