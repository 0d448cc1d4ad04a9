import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { startCluster } from "../postgres/backup/cluster.ts";
import type { BackupMethod } from "../postgres/backup/dump-manifest.ts";
import { startThrowawayCluster } from "../postgres/backup/throwaway-cluster.ts";
import { connect } from "../postgres/connect.ts";
import { libpqEnvironment } from "../postgres/libpq-environment.ts";
import { findProgram } from "../postgres/programs.ts";
import { backup } from "../steps/backup.ts";
import { restoreProof } from "../steps/restore-proof.ts";
import { benchDeps } from "./bench-deps.ts";
import { createTemplate } from "./deals-table.ts";

/**
 * `npm run bench:backup -- [--rows 300000]`: our backup and its proof, side by side with `pg_dump -Fc`, with
 * `pg_basebackup`, with `pg_restore -j2` into the same kind of throwaway server, and with one COPY to nowhere, the floor of every logical
 * dump. All of one database in one run: only the ratios count.
 */
const at = process.argv.indexOf("--rows");
const ROWS = at < 0 ? 300_000 : Number(process.argv[at + 1]);

interface Run {
  way: string;
  seconds: number;
  megabytes: number | null;
}

async function measure(way: string, work: () => Promise<number | null>): Promise<Run> {
  const began = performance.now();
  const bytes = await work();
  const seconds = (performance.now() - began) / 1000;
  return { way, seconds, megabytes: bytes === null ? null : bytes / 1e6 };
}

async function program(url: string, name: string, ...argv: string[]): Promise<void> {
  const { PATH = "" } = process.env;
  const env = { PATH, ...libpqEnvironment(url) };
  await execa(findProgram(name), argv, { extendEnv: false, env, stdin: "ignore", stdout: "ignore" });
}

/** pg_restore into a server that waits for it, as our proof has it: started before the clock. */
async function restorePlainly(dump: string): Promise<Run> {
  const { cluster, remove } = await startThrowawayCluster();
  try {
    const admin = await connect(cluster.url());
    await admin.query("CREATE DATABASE restored").finally(() => admin.end());
    return await measure("pg_restore -j2, throwaway server, nothing compared", async () => {
      await program(cluster.url("restored"), "pg_restore", "-j2", "--no-owner", "--dbname=restored", dump);
      return null;
    });
  } finally {
    await remove();
  }
}

function ourSteps(url: string, folder: string, method: BackupMethod) {
  const deps = benchDeps(url);
  const identity = { stack: "bench", phase: "pre-flight", step: "backup", evidenceUrl: "file:bench" };
  const base = { specVersion: 1 as const, identity, generation: 1, deadlineSeconds: 3600, jobs: 2 };
  const kept = `file:${join(folder, method)}`;
  return {
    take: async () =>
      (await backup.apply({ ...base, url: kept, method, lockWaitTimeoutMs: 30_000 }, deps)).bytes,
    prove: async () => {
      await restoreProof.apply({ ...base, url: kept, of: "backup", maxAgeHours: 24 }, deps);
      return null;
    },
  };
}

async function measureAll(url: string, folder: string): Promise<Run[]> {
  const dump = join(folder, "plain.dump");
  const ours = ourSteps(url, folder, "logical");
  const physical = ourSteps(url, folder, "physical");
  return [
    await measure("COPY to nowhere (the floor)", async () => {
      await program(url, "psql", "--no-psqlrc", "--quiet", "--command=COPY deals TO STDOUT");
      return null;
    }),
    await measure("pg_dump -Fc", async () => {
      await program(url, "pg_dump", "-Fc", `--file=${dump}`);
      return statSync(dump).size;
    }),
    await measure("our backup: dump, sums, read back", ours.take),
    await restorePlainly(dump),
    await measure("our proof: server, restore, every row compared", ours.prove),
    await measure("pg_basebackup, zstd:1 by the server", async () => {
      const files = join(folder, "plain-base");
      const argv = ["--format=tar", "--compress=server-zstd:1", "--checkpoint=fast", `--pgdata=${files}`];
      await program(url, "pg_basebackup", ...argv);
      return statSync(join(files, "base.tar.zst")).size;
    }),
    await measure("our physical backup: files, log, sums", physical.take),
    await measure("its proof: unpacked, recovered, every row compared", physical.prove),
  ];
}

function ratios([floor, dump, taken, restore, proof, base, files, booted]: Run[]): Record<string, number> {
  const sum = (...runs: (Run | undefined)[]) =>
    runs.reduce((all, run) => all + (run?.seconds ?? Number.NaN), 0);
  return {
    "our backup ÷ COPY": sum(taken) / sum(floor),
    "our backup ÷ pg_dump -Fc": sum(taken) / sum(dump),
    "our proof ÷ pg_restore -j2": sum(proof) / sum(restore),
    "backup + proof ÷ pg_dump + pg_restore": sum(taken, proof) / sum(dump, restore),
    "physical backup ÷ pg_basebackup": sum(files) / sum(base),
    "physical backup ÷ logical": sum(files) / sum(taken),
    "physical proof ÷ logical": sum(booted) / sum(proof),
    "physical backup + proof ÷ logical": sum(files, booted) / sum(taken, proof),
    "size ÷ pg_dump -Fc": (taken?.megabytes ?? Number.NaN) / (dump?.megabytes ?? Number.NaN),
  };
}

function print(runs: Run[], found: Record<string, number>): void {
  console.table(
    runs.map(({ way, seconds, megabytes }) => ({
      way,
      seconds: seconds.toFixed(1),
      MB: megabytes?.toFixed(0) ?? "–",
    })),
  );
  console.table(Object.fromEntries(Object.entries(found).map(([name, value]) => [name, value.toFixed(2)])));
}

const folder = mkdtempSync(join(tmpdir(), "rollout-bench-"));
const directory = mkdtempSync(join(tmpdir(), "rollout-bench-server-"));
const cluster = await startCluster({
  directory,
  settings: { shared_buffers: "1GB", max_wal_size: "4GB" },
});
try {
  console.log(`${ROWS.toLocaleString("en-US")} rows`);
  await createTemplate(cluster.url, ROWS);
  const runs = await measureAll(cluster.url("bench_template"), folder);
  const found = ratios(runs);
  print(runs, found);
  mkdirSync("bench/results", { recursive: true });
  const file = `bench/results/backup-${ROWS}.json`;
  writeFileSync(file, `${JSON.stringify({ rows: ROWS, runs, ratios: found }, null, 2)}\n`);
  console.log(`written to ${file}`);
} finally {
  await cluster.stop();
  for (const made of [folder, directory]) rmSync(made, { recursive: true, force: true });
}
