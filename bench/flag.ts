import { mkdirSync, writeFileSync } from "node:fs";
import { execa } from "execa";
import { PROJECT_ROOT } from "../cli/project.ts";
import { readSandbox } from "../sandbox/description.ts";
import { byHand } from "./by-hand.ts";

/**
 * `npm run bench:flag [-- --runs 5]`: flag off until the last process is proven off, by `rollout flag off` and by a
 * shell script that does it by hand (edit, restart, ask), on the same sandbox, in turn. Needs `npm start` first.
 * Goal: ratio of the medians ≤ 1.5 at two hosts.
 */
const at = process.argv.indexOf("--runs");
const RUNS = at < 0 ? 5 : Number(process.argv[at + 1]);
async function seconds(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) / 1000;
}

/** Until the line that says the last process is proven; what follows only tells the engine. */
async function rolloutFlag(to: "on" | "off"): Promise<number> {
  const begin = performance.now();
  const run = execa(process.execPath, ["bin/rollout.mjs", "flag", to, "--reason", "bench"], {
    cwd: PROJECT_ROOT,
  });
  let proven = Number.NaN;
  for await (const line of run.iterable({ from: "stderr" })) {
    if (String(line).includes("proven on every host")) proven = (performance.now() - begin) / 1000;
  }
  await run;
  return proven;
}

const median = (values: number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function main(): Promise<void> {
  const sandbox = readSandbox();
  if (!sandbox) throw new Error("bench: expected a running sandbox at phase 2, got none. Run: npm start");
  const ours: number[] = [];
  const peer: number[] = [];
  for (let run = 0; run <= RUNS; run += 1) {
    const off = await rolloutFlag("off");
    await rolloutFlag("on");
    const hand = await seconds(() => byHand(sandbox.hosts, false));
    await byHand(sandbox.hosts, true);
    if (run === 0) continue; // Warm-up.
    ours.push(off);
    peer.push(hand);
  }
  report(ours, peer, sandbox.hosts.length);
}

function report(ours: number[], peer: number[], hosts: number): void {
  const ratio = median(ours) / median(peer);
  const row = (what: string, values: number[]) =>
    `${what.padEnd(32)} ${[Math.min(...values), median(values), Math.max(...values)].map((s) => s.toFixed(2).padStart(6)).join(" ")}`;
  console.log(
    `${"flag off, seconds".padEnd(32)}    min median    max   (${RUNS} runs in turn, ${hosts} hosts)`,
  );
  console.log(row("rollout flag off", ours));
  console.log(row("by hand", peer));
  console.log(`ratio of the medians: ${ratio.toFixed(2)} (goal ≤ 1.50)`);
  mkdirSync("bench/results", { recursive: true });
  writeFileSync(
    "bench/results/flag.json",
    `${JSON.stringify({ runs: RUNS, hosts, ours, peer, ratio }, null, 2)}\n`,
  );
}

await main();
