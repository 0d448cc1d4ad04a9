import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findStep } from "../steps/registry.ts";
import { runVerb } from "../steps/run-verb.ts";
import { byHand } from "./by-hand.ts";
import { type Fleet, startFleet } from "./fleet.ts";

/**
 * `npm run bench:flag-growth [-- --hosts 2,4,8,16]`: flag off until the last process is proven off on ever more hosts,
 * by the steps that `rollout flag off` runs and by the shell script that does it by hand, host after host, in turn.
 * Each host has one worker. Needs `npm start` first. Goal: ratio < 1 from four hosts on.
 */
const at = process.argv.indexOf("--hosts");
const SIZES = at < 0 ? [2, 4, 8, 16] : (process.argv[at + 1] ?? "").split(",").map(Number);
const PLACE = { backend: "env-file", variable: "DEAL_TYPE_AWARENESS" };
/** A quarter of the fleet may be away at once, as a team would set it. */
const unavailable = (hosts: number) => Math.max(1, Math.floor(hosts / 4));

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) / 1000;
}

/** The steps' own evidence, in a folder of its own. */
function makeRun({ hosts, release }: Fleet, folder: string) {
  let generation = 0;
  const apply = async (kind: string, name: string, fields: object) => {
    const step = await findStep(kind);
    const identity = { stack: "bench", phase: "code-deployment", step: name, evidenceUrl: `file:${folder}` };
    const spec = step.spec.parse({ specVersion: 1, identity, generation, deadlineSeconds: 600, ...fields });
    const { signal } = new AbortController();
    await runVerb("apply", step, spec, { signal, log: () => {}, databaseUrl: undefined });
  };
  return async (flag: boolean) => {
    generation += 1;
    await apply("env-flag", "env-flag", { hosts, value: flag, ...PLACE });
    const restart = {
      maxUnavailable: unavailable(hosts.length),
      timeoutSeconds: 120,
      stableSeconds: 1,
      zeroFailures: true,
    };
    const basis = { release, flag };
    await apply("service-restart", "closing-restart", { hosts, when: "closing", basis, ...PLACE, restart });
  };
}

async function measure(size: number) {
  const fleet = await startFleet(size);
  const folder = mkdtempSync(join(tmpdir(), "rollout-bench-evidence-"));
  try {
    const setFlag = makeRun(fleet, folder);
    await setFlag(true);
    const ours = await seconds(() => setFlag(false));
    await setFlag(true);
    const peer = await seconds(() => byHand(fleet.hosts, false));
    return { hosts: size, ours, peer, ratio: ours / peer };
  } finally {
    await fleet.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

const rows = [];
console.log("flag off, seconds    hosts   ours  by hand   ratio");
for (const size of SIZES) {
  const row = await measure(size);
  rows.push(row);
  console.log(
    `${" ".repeat(18)} ${String(size).padStart(7)} ${row.ours.toFixed(2).padStart(6)} ${row.peer.toFixed(2).padStart(8)} ${row.ratio.toFixed(2).padStart(7)}`,
  );
}
mkdirSync("bench/results", { recursive: true });
writeFileSync("bench/results/flag-growth.json", `${JSON.stringify(rows, null, 2)}\n`);
