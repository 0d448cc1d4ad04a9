import { invalid } from "./deal.ts";
import type { Settings } from "./settings.ts";

export const DEAL_TYPES = ["acquisition", "carveout", "divestiture"] as const;
export type DealType = (typeof DEAL_TYPES)[number];

/** The deal type that a request asks to store; undefined leaves it as it is. */
export function readDealType(body: Record<string, unknown>, settings: Settings): string | null | undefined {
  return settings.flag ? readKnownType(body) : readFreeText(body);
}

/** The type of a new deal whose request names none. */
export function defaultDealType(settings: Settings): string | null {
  return settings.flag ? "acquisition" : null;
}

/** How a stored deal is analysed. One without a type, or with an odd one, is analysed as before. */
export function dealTypeOf(stored: string | null): DealType {
  return normaliseDealType(stored ?? "") ?? "acquisition";
}

/** What the log says a deal was analysed as. */
export function analysedAs(stored: string | null, settings: Settings): string | null {
  return settings.flag ? dealTypeOf(stored) : stored;
}

/** `Carve-Out ` → `carveout`. Undefined when it is no deal type. */
export function normaliseDealType(text: string): DealType | undefined {
  const plain = text.toLowerCase().replace(/[^a-z]/g, "");
  return DEAL_TYPES.find((type) => type === plain);
}

function readKnownType(body: Record<string, unknown>): DealType | undefined {
  const { deal_type: given } = body;
  const carveOut = readCarveOut(body);
  if (given === undefined) return carveOut === undefined ? undefined : carveOut ? "carveout" : "acquisition";
  const type = typeof given === "string" ? normaliseDealType(given) : undefined;
  if (!type) throw invalid(`deal_type: expected one of ${DEAL_TYPES.join(", ")}`);
  return type;
}

/** A free text: the form sends `carve_out`, other clients send what they like. */
function readFreeText(body: Record<string, unknown>): string | null | undefined {
  const { deal_type: given } = body;
  const carveOut = readCarveOut(body);
  if (given === undefined) return carveOut === undefined ? undefined : carveOut ? "carve-out" : null;
  if (given === null) return null;
  if (typeof given !== "string" || [...given].length > 50 || given.includes("\0"))
    throw invalid("deal_type: expected a text of at most 50 characters");
  return given;
}

function readCarveOut({ carve_out: carveOut }: Record<string, unknown>): boolean | undefined {
  if (carveOut !== undefined && typeof carveOut !== "boolean")
    throw invalid("carve_out: expected true or false");
  return carveOut;
}
