import type { Deal } from "./deal.ts";
import type { Settings } from "./settings.ts";
import type { Amount } from "./synergy-engine.ts";

/** What it costs, once, to bring the target's IT into the buyer's. */
export function integrationCosts(deal: Deal): Amount[] {
  return [
    { kind: "integration", label: "Infrastructure", cents: BigInt(deal.employees) * 115_000n },
    { kind: "integration", label: "Applications", cents: BigInt(deal.applications) * 4_200_000n },
    { kind: "integration", label: "Identity and access", cents: BigInt(deal.employees) * 8_500n },
  ];
}

export function estimateCosts(deal: Deal, _settings: Settings): Amount[] {
  return integrationCosts(deal);
}
