import { invalid } from "./deal.ts";
import type { Settings } from "./settings.ts";

/**
 * The deal type that a request asks to store; undefined leaves it as it is.
 * A free text so far: the form sends `carve_out`, other clients send what they like.
 */
export function readDealType(body: Record<string, unknown>, _settings: Settings): string | null | undefined {
  const { deal_type: given, carve_out: carveOut } = body;
  if (carveOut !== undefined && typeof carveOut !== "boolean")
    throw invalid("carve_out: expected true or false");
  if (given === undefined) return carveOut === undefined ? undefined : carveOut ? "carve-out" : null;
  if (given === null) return null;
  if (typeof given !== "string" || [...given].length > 50 || given.includes("\0"))
    throw invalid("deal_type: expected a text of at most 50 characters");
  return given;
}

/** What the log says a deal was analysed as: so far all are analysed alike, whatever their type. */
export function analysedAs(stored: string | null, _settings: Settings): string | null {
  return stored;
}

/** The type of a new deal whose request names none: the column is written, with NULL. */
export function defaultDealType(_settings: Settings): string | null {
  return null;
}
