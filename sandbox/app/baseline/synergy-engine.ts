import type { Deal } from "./deal.ts";
import { share, toCents } from "./money.ts";
import type { Settings } from "./settings.ts";

export interface Amount {
  kind: string;
  label: string;
  cents: bigint;
}

/** What is saved each year when the target's IT is consolidated into the buyer's. */
export function consolidationSynergies(deal: Deal): Amount[] {
  return [
    { kind: "consolidation", label: "Shared infrastructure", cents: share(toCents(deal.it_budget), 1_200n) },
    { kind: "consolidation", label: "Retired applications", cents: BigInt(deal.applications) * 450_000n },
  ];
}

export function estimateSynergies(deal: Deal, _settings: Settings): Amount[] {
  return consolidationSynergies(deal);
}
