import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { StepError } from "../errors/step-error.ts";
import { Chain } from "../ledger/chain.ts";
import { regression } from "../steps/regression.ts";
import { benchDeps } from "./bench-deps.ts";
import { regressionSpec } from "./regression-spec.ts";

/** Our step as a process, told the folder of its evidence; prints what bench/compare_snapshots.py prints. */
const [evidence = ""] = process.argv.slice(2);
const url = process.env.ROLLOUT_DATABASE_URL ?? "";

async function compare(): Promise<void> {
  await regression.apply(regressionSpec(evidence), benchDeps(url, Chain.open(evidence).records));
}

// The planted ones stop it: that is its message, and the deals are in its file.
await compare().catch((error) => {
  if (!(error instanceof StepError) || !error.message.includes("that are not")) throw error;
});
const folder = join(evidence, "regressions");
const lines = readdirSync(folder).flatMap((name) =>
  readFileSync(join(folder, name), "utf8").trim().split("\n"),
);
const regressions = lines.filter((line) => line !== "").map((line) => JSON.parse(line).key as string);
process.stdout.write(`${JSON.stringify({ regressions, peakKib: process.resourceUsage().maxRSS })}\n`);
