import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { toolchainEnvironment } from "../bin/toolchain.mjs";
import { PROJECT_ROOT } from "../cli/project.ts";

/**
 * `npm run bench:preview [-- --runs 7]`: preview of the unchanged sandbox beside the preview of an empty Pulumi
 * TypeScript program (the template: it imports the SDK, exports nothing) on the same engine and in the same run, in
 * turn. ROLLOUT_SDK_DEBUG=1 shows it without the patches of the SDK. Needs `npm start` first. Goal: ratio of the medians ≤ 1.3.
 */
const at = process.argv.indexOf("--runs");
const RUNS = at < 0 ? 7 : Number(process.argv[at + 1]);

/** An empty project, and a stack of its own in the sandbox's backend. */
async function makeEmptyProject(env: Record<string, string>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "rollout-empty-"));
  const runtime = { name: "nodejs", options: { typescript: false, nodeargs: "--import tsx" } };
  writeFileSync(join(folder, "Pulumi.yaml"), JSON.stringify({ name: "empty", runtime }));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", main: "index.ts" }));
  writeFileSync(join(folder, "index.ts"), 'import * as pulumi from "@pulumi/pulumi";\nvoid pulumi;\n');
  symlinkSync(join(PROJECT_ROOT, "node_modules"), join(folder, "node_modules"));
  await execa("pulumi", ["stack", "init", "sandbox", "--non-interactive"], { cwd: folder, env });
  return folder;
}

async function previewSeconds(cwd: string, env: Record<string, string>): Promise<number> {
  const begin = performance.now();
  await execa("pulumi", ["preview", "--non-interactive", "--expect-no-changes"], { cwd, env });
  return (performance.now() - begin) / 1000;
}

const median = (values: number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function main(): Promise<void> {
  const set = Object.entries(toolchainEnvironment({ stack: "sandbox" }));
  const env = Object.fromEntries(set.filter((entry): entry is [string, string] => entry[1] !== undefined));
  const empty = await makeEmptyProject({ ...env, PULUMI_STACK: "" });
  const sandbox: number[] = [];
  const peer: number[] = [];
  try {
    await execa("pulumi", ["up", "--yes", "--skip-preview", "--non-interactive"], { cwd: empty, env });
    for (let run = 0; run <= RUNS; run += 1) {
      const [ours, theirs] = [await previewSeconds(PROJECT_ROOT, env), await previewSeconds(empty, env)];
      if (run === 0) continue; // Warm-up.
      sandbox.push(ours);
      peer.push(theirs);
    }
  } finally {
    await execa("pulumi", ["stack", "rm", "--yes", "--force", "--non-interactive"], {
      cwd: empty,
      env,
      reject: false,
    });
    rmSync(empty, { recursive: true, force: true });
  }
  report(sandbox, peer);
}

function report(sandbox: number[], peer: number[]): void {
  const ratio = median(sandbox) / median(peer);
  const row = (what: string, values: number[]) =>
    `${what.padEnd(32)} ${[Math.min(...values), median(values), Math.max(...values)].map((s) => s.toFixed(2).padStart(6)).join(" ")}`;
  console.log(`${"preview, seconds".padEnd(32)}    min median    max   (${RUNS} runs in turn)`);
  console.log(row("unchanged sandbox", sandbox));
  console.log(row("empty TypeScript program", peer));
  console.log(`ratio of the medians: ${ratio.toFixed(2)} (goal ≤ 1.30)`);
  mkdirSync("bench/results", { recursive: true });
  writeFileSync(
    "bench/results/preview.json",
    `${JSON.stringify({ runs: RUNS, sandbox, peer, ratio }, null, 2)}\n`,
  );
}

await main();
