import { DEAL_TYPES, type DealType } from "../deal-type.ts";

/** What users read for a deal type. */
export const TYPE_NAMES: Record<DealType, string> = {
  acquisition: "Acquisition",
  carveout: "Carve-out",
  divestiture: "Divestiture",
};

export const TYPE_HELP: Record<DealType, string> = {
  acquisition:
    "You buy a whole company and bring its IT into yours. The report shows integration costs and the synergies of consolidating both.",
  carveout:
    "You buy a part of a company. Its IT is separated from the seller, who runs it meanwhile under a transition services agreement (TSA). The report shows separation and TSA costs, and no synergies.",
  divestiture:
    "You sell a part of your own company. Its IT is extracted from what you keep. The report shows extraction costs, and no synergies.",
};

export function isDealType(text: string): text is DealType {
  return (DEAL_TYPES as readonly string[]).includes(text);
}
