import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { mapValue } from "../postgres/migration/change-sql.ts";
import { describeRow, outputsLine } from "../steps/snapshot/snapshot-line.ts";
import { CHANGE } from "./deals-table.ts";

/** One deal in so many has a regression. */
export const PLANTED_EVERY = 100_000;

const money = (cents: number) => `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")}`;
const item = (kind: string, label: string, cents: number) => ({ kind, label, amount: money(cents) });

/** A number from 0 to 2^32 - 1 that looks like chance and is the same at every run. */
function scatter(n: number): number {
  let bits = Math.imul(n ^ 0x9e3779b9, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** As bench/deals-table.ts has them: 30 % NULL, 5 % `carve-out`. */
function storedType(n: number): string | null {
  const part = scatter(n) % 100;
  if (part < 30) return null;
  return part < 35 ? "carve-out" : part < 80 ? "acquisition" : part < 90 ? "carveout" : "divestiture";
}

/** Factor of the costs of each type, and how they are called: the sandbox application's own (its cost-engine.ts). */
const COSTS: Record<string, { kind: string; percent: number }> = {
  acquisition: { kind: "integration", percent: 100 },
  carveout: { kind: "separation", percent: 160 },
  divestiture: { kind: "extraction", percent: 120 },
};

/** What the application says of a deal, as of one of that type; of the sandbox application's shape. */
function analysisOf(n: number, when: Moment, shownType: string | null, analysedAs: string) {
  const [employees, applications] = [(scatter(n + 1) % 9_000) + 20, scatter(n + 2) % 90];
  const { kind, percent } = COSTS[analysedAs] as { kind: string; percent: number };
  const parts = {
    Infrastructure: 115_000 * employees,
    Applications: 4_200_000 * applications,
    "Identity and access": 8_500 * employees,
  };
  const planted = when === "post" && n % PLANTED_EVERY === 0;
  const costs = Object.entries(parts).map(([label, cents]) => item(kind, label, (cents * percent) / 100));
  const whole = Object.values(parts).reduce((sum, cents) => sum + cents, 0);
  if (analysedAs === "carveout") costs.push(item("tsa", "Transitional services", whole / 4));
  const synergies = [
    item("consolidation", "Shared infrastructure", (scatter(n + 3) % 9_000_000) * 12),
    item("consolidation", "Retired applications", 450_000 * applications),
  ];
  const factor = percent + (analysedAs === "carveout" ? 25 : 0) + (planted ? 6 : 0);
  return {
    ...{
      deal_id: String(n),
      deal_type: shownType,
      synergies: analysedAs === "acquisition" ? synergies : [],
      costs,
    },
    ...{
      synergy_total: money(analysedAs === "acquisition" ? scatter(n + 4) : 0),
      cost_total: money((whole / 100) * factor),
    },
  };
}

export type Moment = "pre" | "post";

/** The analysis of a deal before and after the rollout; before, every deal was analysed as an acquisition. */
export function analyse(n: number, when: Moment) {
  const stored = storedType(n);
  const type = mapValue(CHANGE, stored) as string;
  return when === "pre" ? analysisOf(n, when, stored, "acquisition") : analysisOf(n, when, type, type);
}

async function writeLines(file: string, deals: number, lineOf: (n: number) => string): Promise<void> {
  const lines = function* () {
    let block = "";
    for (let n = 1; n <= deals; n += 1) {
      block += lineOf(n);
      if (block.length < 1 << 18) continue;
      yield block;
      block = "";
    }
    yield block;
  };
  await pipeline(Readable.from(lines()), createWriteStream(file, { mode: 0o600 }));
}

/** The lines of our snapshot, to be sealed. */
export const writeOurs = (file: string, deals: number, when: Moment) =>
  writeLines(file, deals, (n) => {
    const analysis = analyse(n, when);
    const line = outputsLine(String(n), [["analysis", JSON.stringify(analysis)]]);
    return `${describeRow(line, { type: analysis.deal_type, row: scatter(n).toString(16).padStart(16, "0") }).text}\n`;
  });

/** The runbook's file: one JSON document with every deal. */
export const writeRunbooks = (file: string, deals: number, when: Moment) =>
  writeLines(file, deals, (n) => {
    const head = n === 1 ? `{"total_deals":${deals},"success_count":${deals},"error_count":0,"deals":{` : ",";
    return `${head}\n"${n}":${JSON.stringify(analyse(n, when))}${n === deals ? "}}\n" : ""}`;
  });
