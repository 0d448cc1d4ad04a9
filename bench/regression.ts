import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Chain } from "../ledger/chain.ts";
import { startCluster } from "../postgres/backup/cluster.ts";
import { sealLines } from "../steps/snapshot/snapshot-file.ts";
import { type SnapshotManifest, writeManifest } from "../steps/snapshot/snapshot-store.ts";
import { type Moment, PLANTED_EVERY, writeOurs, writeRunbooks } from "./deal-snapshots.ts";
import { createTemplate } from "./deals-table.ts";
import { STEPS, snapshotSpec } from "./regression-spec.ts";

/**
 * `npm run bench:regression -- [--deals 1000000]`: our comparison of two snapshots, side by side with the Python script that the
 * runbook would have, on the same deals in one run. Each is a process of its own, its start included, and reads its own
 * files: ours unpacks and proves them, the script has them as plain JSON. The script uses one core, ours unpacks on the
 * second. Goal: ≥ 10 times as fast, < 200 MB.
 */
const at = process.argv.indexOf("--deals");
const DEALS = at < 0 ? 1_000_000 : Number(process.argv[at + 1]);
const run = promisify(execFile);
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

interface Measured {
  way: string;
  seconds: number;
  megabytes: number;
  regressions: number;
}

async function keepOurs(folder: string, chain: Chain, when: Moment): Promise<number> {
  const snapshots = join(folder, "snapshots");
  mkdirSync(snapshots, { recursive: true });
  const [file, lines] = [`${when}.ndjson.gz`, join(snapshots, `${when}.lines`)];
  await writeOurs(lines, DEALS, when);
  const sums = await sealLines(lines, join(snapshots, file), "gzip");
  rmSync(lines);
  const step = STEPS[when];
  const now = new Date().toISOString();
  const manifest: SnapshotManifest = {
    ...{
      version: 1,
      stack: "bench",
      ...step,
      generation: 1,
      digest: "",
      state: "done",
      startedAt: now,
      finishedAt: now,
    },
    ...{ release: null, file, ...sums, columns: ["name"], released: false },
    ...{ totalDeals: DEALS, successCount: DEALS, errorCount: 0 },
  };
  writeManifest({ folder: snapshots, name: when, manifest });
  const fields = { ...step, kind: "output-snapshot", verb: "apply" as const };
  const begin = { digest: "d".repeat(64), generation: 1, spec: snapshotSpec(), will: [] };
  const { number } = chain.append({ record: "begin", ...fields, ...begin });
  chain.append({ record: "end", ...fields, begin: number, outcome: "done", result: { sha256: sums.sha256 } });
  return sums.bytes;
}

async function measure(way: string, argv: string[], env: NodeJS.ProcessEnv): Promise<Measured> {
  const [program = "", ...words] = argv;
  const began = performance.now();
  const { stdout } = await run(program, words, { env, maxBuffer: 1 << 26 });
  const seconds = (performance.now() - began) / 1000;
  const { regressions, peakKib } = JSON.parse(stdout) as { regressions: string[]; peakKib: number };
  return { way, seconds, megabytes: (peakKib * 1024) / 1e6, regressions: regressions.length };
}

function report(ours: Measured, peer: Measured): void {
  for (const { regressions, way } of [ours, peer]) {
    const planted = Math.floor(DEALS / PLANTED_EVERY);
    if (regressions > planted || regressions === 0)
      throw new Error(`bench: expected up to ${planted} regressions, got ${regressions} by ${way}.`);
  }
  if (ours.regressions !== peer.regressions)
    throw new Error(
      `bench: expected both to find the same, got ${ours.regressions} and ${peer.regressions}.`,
    );
  const show = ({ way, seconds, megabytes, regressions }: Measured) => ({
    ...{
      way,
      seconds: seconds.toFixed(1),
      "peak MB": megabytes.toFixed(0),
      "regressions found": regressions,
    },
  });
  console.table([peer, ours].map(show));
  const ratios = {
    "times as fast": peer.seconds / ours.seconds,
    "peak memory ÷ peer": ours.megabytes / peer.megabytes,
  };
  console.table(Object.fromEntries(Object.entries(ratios).map(([name, value]) => [name, value.toFixed(2)])));
  mkdirSync("bench/results", { recursive: true });
  const file = `bench/results/regression-${DEALS}.json`;
  writeFileSync(file, `${JSON.stringify({ deals: DEALS, runs: [peer, ours], ratios }, null, 2)}\n`);
  console.log(`written to ${file}`);
}

const folder = mkdtempSync(join(tmpdir(), "rollout-bench-"));
const directory = mkdtempSync(join(tmpdir(), "rollout-bench-server-"));
const cluster = await startCluster({ directory, settings: {} });
try {
  console.log(`${DEALS.toLocaleString("en-US")} deals`);
  await createTemplate(cluster.url, 1);
  mkdirSync(join(folder, "evidence"));
  const chain = Chain.open(join(folder, "evidence"));
  for (const when of ["pre", "post"] as const) {
    const bytes = await keepOurs(join(folder, "evidence"), chain, when);
    await writeRunbooks(join(folder, `${when}.json`), DEALS, when);
    const plain = statSync(join(folder, `${when}.json`)).size;
    console.log(
      `${when}: ${(bytes / 1e6).toFixed(0)} MB packed, ${(plain / 1e6).toFixed(0)} MB as plain JSON`,
    );
  }
  const files = ["pre", "post"].map((when) => join(folder, `${when}.json`));
  const url = cluster.url("bench_template");
  const ours = [process.execPath, "--import", "tsx", here("regression-process.ts"), join(folder, "evidence")];
  report(
    await measure("our regression step", ours, { ...process.env, ROLLOUT_DATABASE_URL: url }),
    await measure("Python script", ["python3", here("compare_snapshots.py"), ...files], process.env),
  );
} finally {
  await cluster.stop();
  for (const made of [folder, directory]) rmSync(made, { recursive: true, force: true });
}
