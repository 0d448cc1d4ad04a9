import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { startCluster } from "../postgres/backup/cluster.ts";
import { acquireLease } from "../postgres/lease.ts";
import { constraint } from "../steps/constraint.ts";
import { expand } from "../steps/expand.ts";
import type { ChangeStepSpec } from "../steps/migration/change-spec.ts";
import { migration } from "../steps/migration.ts";
import type { Step } from "../steps/step.ts";
import { benchDeps } from "./bench-deps.ts";
import { BARE_UPDATES, CHANGE, cloneTemplate, createTemplate } from "./deals-table.ts";
import { type LoadFigures, startWriteLoad } from "./write-load.ts";

/**
 * `npm run bench:backfill -- [--rows 300000] [--rate 200]`: the online migration and its undo, side by side with the
 * bare UPDATEs (no load: the floor) and the one-transaction way, each on a clone of the same table. Only ratios
 * within one run count.
 */
const option = (name: string, fallback: number) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const ROWS = option("rows", 300_000);
const RATE = option("rate", 200);

interface Run {
  way: string;
  seconds: number;
  walMegabytes: number;
  outcome: string;
  load?: LoadFigures;
  detail?: Record<string, number>;
}

const spec: ChangeStepSpec = {
  specVersion: 1,
  identity: { stack: "bench", phase: "database-migration", step: "bench", evidenceUrl: "file:bench" },
  generation: 1,
  deadlineSeconds: 3600,
  change: CHANGE,
  migration: {
    strategy: "online",
    batchSize: 1000,
    connections: 2,
    lockTimeoutMs: 50,
    appTriggers: "refuse",
    journalReplication: "refuse",
    reaffirmed: "keep",
  },
};

async function query(url: string, ...statements: string[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) rows = (await client.query(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

async function walPosition(url: string): Promise<number> {
  const [row] = await query(url, "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn AS bytes");
  return Number(row?.bytes);
}

/** Measures `work`, under the load when there is one; a failure is an outcome, not the end. */
async function measure(
  way: string,
  url: string,
  loaded: boolean,
  work: () => Promise<Record<string, number> | undefined>,
): Promise<Run> {
  const wal = await walPosition(url);
  const load = loaded ? await startWriteLoad(url, { rate: RATE, rows: ROWS }) : undefined;
  const began = performance.now();
  let outcome = "done";
  const detail = await work().catch((error: Error) => {
    outcome = error.message;
    return undefined;
  });
  const seconds = (performance.now() - began) / 1000;
  const figures = await load?.stop();
  return {
    way,
    seconds,
    outcome,
    walMegabytes: ((await walPosition(url)) - wal) / 1e6,
    ...(figures ? { load: figures } : {}),
    ...(detail ? { detail } : {}),
  };
}

async function runSteps(
  url: string,
  verb: "apply" | "undo",
  steps: Step<ChangeStepSpec>[],
): Promise<Record<string, number>> {
  const deps = benchDeps(url);
  const detail: Record<string, number> = {};
  for (const step of steps) {
    const began = performance.now();
    const lease = await acquireLease(deps.connect, { holder: "bench", log: deps.log });
    await step[verb](spec, { ...deps, lease });
    await lease.release();
    detail[step.name] = (performance.now() - began) / 1000;
  }
  return detail;
}

const ONE_TRANSACTION = [
  "BEGIN",
  ...BARE_UPDATES,
  "ALTER TABLE deals ALTER COLUMN deal_type SET NOT NULL",
  "ALTER TABLE deals ADD CONSTRAINT valid_deal_type CHECK (deal_type IN ('acquisition', 'carveout', 'divestiture'))",
  "COMMIT",
];

async function measureAll(url: (database?: string) => string): Promise<Run[]> {
  const steps: Step<ChangeStepSpec>[] = [expand, migration, constraint];
  const floor = await cloneTemplate(url, "floor");
  const single = await cloneTemplate(url, "single");
  const online = await cloneTemplate(url, "online");
  return [
    await measure("bare UPDATEs, no load", floor, false, async () => {
      await query(floor, ...BARE_UPDATES);
      return undefined;
    }),
    await measure("one transaction", single, true, async () => {
      await query(single, "BEGIN", "LOCK TABLE deals", ...ONE_TRANSACTION.slice(1));
      return undefined;
    }),
    await measure("online, journalled", online, true, () => runSteps(online, "apply", steps)),
    await measure("undo by journal", online, true, () => runSteps(online, "undo", steps.toReversed())),
  ];
}

function ratios([floor, single, online, undo]: Run[]): Record<string, number> {
  const of = (a?: number, b?: number) => (a === undefined || !b ? Number.NaN : a / b);
  return {
    "online ÷ bare UPDATEs": of(online?.seconds, floor?.seconds),
    "WAL, online ÷ bare UPDATEs": of(online?.walMegabytes, floor?.walMegabytes),
    "longest write wait, one transaction ÷ online": of(
      single?.load?.longestWriteMs,
      online?.load?.longestWriteMs,
    ),
    "undo ÷ online": of(undo?.seconds, online?.seconds),
  };
}

function print(runs: Run[], found: Record<string, number>): void {
  console.table(
    runs.map(({ way, seconds, walMegabytes, load, outcome }) => ({
      way,
      seconds: seconds.toFixed(1),
      "longest write ms": load?.longestWriteMs.toFixed(0) ?? "–",
      "p99 write ms": load?.p99WriteMs.toFixed(0) ?? "–",
      "WAL MB": walMegabytes.toFixed(0),
      "client errors": load?.errors.length ?? "–",
      outcome,
    })),
  );
  console.table(Object.fromEntries(Object.entries(found).map(([name, value]) => [name, value.toFixed(2)])));
}

const directory = mkdtempSync(join(tmpdir(), "rollout-bench-"));
const cluster = await startCluster({
  directory,
  settings: { shared_buffers: "1GB", max_wal_size: "4GB", autovacuum_naptime: "60s" },
});
try {
  console.log(
    `${ROWS.toLocaleString("en-US")} rows, ${RATE} operations/s; each way on a clone of the same table`,
  );
  await createTemplate(cluster.url, ROWS);
  const runs = await measureAll(cluster.url);
  const found = ratios(runs);
  print(runs, found);
  mkdirSync("bench/results", { recursive: true });
  const file = `bench/results/backfill-${ROWS}.json`;
  writeFileSync(file, `${JSON.stringify({ rows: ROWS, rate: RATE, runs, ratios: found }, null, 2)}\n`);
  console.log(`written to ${file}`);
} finally {
  await cluster.stop();
  rmSync(directory, { recursive: true, force: true });
}
