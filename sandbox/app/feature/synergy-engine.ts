import type { Deal } from "./deal.ts";
import { dealTypeOf } from "./deal-type.ts";
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

/** Only an acquisition brings two whole IT departments together. */
export function estimateSynergies(deal: Deal, settings: Settings): Amount[] {
  if (settings.flag && dealTypeOf(deal.deal_type) !== "acquisition") return [];
  return consolidationSynergies(deal);
}
