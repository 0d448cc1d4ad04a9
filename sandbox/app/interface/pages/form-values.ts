import { type Deal, type DealFields, parseFields, RequestError } from "../deal.ts";
import { dealTypeOf } from "../deal-type.ts";
import { choicesOf, FIELDS, type FieldName } from "./deal-fields.ts";

/** The answers in a form, as texts. */
export type Values = Partial<Record<FieldName, string>>;

/** An answer that can't be taken; without a field, the form as a whole can't. */
export interface Problem {
  field?: FieldName;
  message: string;
}

export const CREATE_FIELDS = [
  "name",
  "target_name",
  "deal_type",
  "it_budget",
  "currency",
  "employees",
  "applications",
  "lead_name",
  "notes",
] as const satisfies FieldName[];
export const EDIT_FIELDS = [...CREATE_FIELDS, "status"] as const satisfies FieldName[];

export const NEW_DEAL: Values = { deal_type: "acquisition", currency: "USD" };

/** A stored deal as the edit form shows it: an old spelling of its type, or none, as the type that it is analysed as. */
export function valuesOf(deal: Deal): Values {
  const texts = EDIT_FIELDS.map((name) => [name, String(deal[name] ?? "")]);
  return { ...Object.fromEntries(texts), deal_type: dealTypeOf(deal.deal_type) };
}

export function readValues(form: URLSearchParams, names: readonly FieldName[]): Values {
  // Browsers send line ends as two characters, and count them as one.
  return Object.fromEntries(
    names.map((name) => [name, (form.get(name) ?? "").replaceAll("\r\n", "\n").trim()]),
  );
}

/** The fields to store, or what is wrong with the values. deal.ts has the last word on each field. */
export function checkValues(
  values: Values,
  names: readonly FieldName[],
  deal?: Deal,
): { fields: DealFields; problems: Problem[] } {
  const fields: DealFields = {};
  const problems: Problem[] = [];
  for (const name of names) {
    const checked = checkValue(name, values[name] ?? "", deal);
    if (typeof checked === "string") problems.push({ field: name, message: checked });
    else Object.assign(fields, checked);
  }
  return { fields, problems };
}

function checkValue(name: FieldName, text: string, deal: Deal | undefined): DealFields | string {
  const { kind, required, missing, invalid } = FIELDS[name];
  if (text === "" && required) return missing ?? invalid;
  if (kind === "choice") {
    if (!choicesOf(name, deal).some(([value]) => value === text)) return invalid;
    return { [name]: text };
  }
  if (text === "" && (kind === "text" || kind === "notes")) return { [name]: null };
  try {
    return parseFields({ [name]: toValue(kind, text) });
  } catch (error) {
    if (error instanceof RequestError) return invalid;
    throw error;
  }
}

/** `1,250,000` and `1 250 000` are numbers to people; nothing at all is none of them. */
function toValue(kind: "text" | "notes" | "amount" | "count", text: string): string | number {
  if (kind === "text" || kind === "notes") return text;
  const plain = /^\d{1,3}(?:[,\s]\d{3})+(?:\.\d+)?$/.test(text) ? text.replace(/[,\s]/g, "") : text;
  if (kind === "amount") return plain || "0";
  return /^\d*$/.test(plain) ? Number(plain) : Number.NaN;
}
