import type { Deal } from "./deal.ts";
import { type DealType, dealTypeOf } from "./deal-type.ts";
import { share, sum } from "./money.ts";
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

/** A carved-out part has no IT of its own yet: more is built, and the seller runs it meanwhile (TSA). */
export function separationCosts(deal: Deal): Amount[] {
  const whole = integrationCosts(deal);
  const tsa = share(sum(whole.map(({ cents }) => cents)), 2_500n);
  return [
    ...scale(whole, "separation", 16_000n),
    { kind: "tsa", label: "Transitional services", cents: tsa },
  ];
}

/** The seller takes a part out of what goes on running. */
export function extractionCosts(deal: Deal): Amount[] {
  return scale(integrationCosts(deal), "extraction", 12_000n);
}

const BY_TYPE: Record<DealType, (deal: Deal) => Amount[]> = {
  acquisition: integrationCosts,
  carveout: separationCosts,
  divestiture: extractionCosts,
};

export function estimateCosts(deal: Deal, _settings: Settings): Amount[] {
  return BY_TYPE[dealTypeOf(deal.deal_type)](deal);
}

function scale(amounts: Amount[], kind: string, basisPoints: bigint): Amount[] {
  return amounts.map(({ label, cents }) => ({ kind, label, cents: share(cents, basisPoints) }));
}
