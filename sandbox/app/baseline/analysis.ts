import { estimateCosts } from "./cost-engine.ts";
import type { Deal } from "./deal.ts";
import { sum, toDecimal } from "./money.ts";
import type { Settings } from "./settings.ts";
import { type Amount, estimateSynergies } from "./synergy-engine.ts";

/** Money as decimal texts. */
export interface Line {
  kind: string;
  label: string;
  amount: string;
}

export interface Analysis {
  deal_id: string;
  deal_type: string | null;
  synergies: Line[];
  costs: Line[];
  synergy_total: string;
  cost_total: string;
}

/** The same deal and settings give the same analysis, to the cent. */
export function analyse(deal: Deal, settings: Settings): Analysis {
  const synergies = estimateSynergies(deal, settings);
  const costs = estimateCosts(deal, settings);
  return {
    deal_id: deal.id,
    deal_type: deal.deal_type,
    synergies: synergies.map(toLine),
    costs: costs.map(toLine),
    synergy_total: toDecimal(sum(synergies.map(({ cents }) => cents))),
    cost_total: toDecimal(sum(costs.map(({ cents }) => cents))),
  };
}

const toLine = ({ kind, label, cents }: Amount): Line => ({ kind, label, amount: toDecimal(cents) });
