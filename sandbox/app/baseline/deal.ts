import { toCents, toDecimal } from "./money.ts";

export interface Deal {
  id: string;
  name: string;
  target_name: string;
  deal_type: string | null;
  status: string;
  lead_name: string | null;
  currency: string;
  /** Yearly IT budget of the target, a decimal text. */
  it_budget: string;
  employees: number;
  applications: number;
  notes: string | null;
  created_at: string;
  updated_at: string;
}

/** Columns that a client may set, with the value that each has in the database. */
export type DealFields = Partial<Omit<Deal, "id" | "created_at" | "updated_at">>;

/** The client's request can't be carried out as it is. Answered with its status. */
export class RequestError extends Error {
  override name = "RequestError";
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const TEXTS = {
  name: 200,
  target_name: 200,
  status: 20,
  lead_name: 100,
  currency: 3,
  notes: 10_000,
} as const;
const COUNTS = ["employees", "applications"] as const;

/** The plain fields of a creation or an edit; `deal_type` is deal-type.ts's. Unknown fields are refused. */
export function parseFields(body: Record<string, unknown>): DealFields {
  const fields: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(body)) {
    if (key === "deal_type" || key === "carve_out") continue;
    if (key in TEXTS) fields[key] = parseText(key as keyof typeof TEXTS, value);
    else if (COUNTS.includes(key as "employees")) fields[key] = parseCount(key, value);
    else if (key === "it_budget") fields[key] = parseMoney(value);
    else throw invalid(`unknown field ${key}`);
  }
  return fields as DealFields;
}

function parseText(key: keyof typeof TEXTS, value: unknown): string {
  if (typeof value !== "string" || value.trim() === "" || [...value].length > TEXTS[key])
    throw invalid(`${key}: expected a text of 1 to ${TEXTS[key]} characters`);
  if (value.includes("\0")) throw invalid(`${key}: expected a text without NUL`);
  return value;
}

function parseCount(key: string, value: unknown): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > 10_000_000)
    throw invalid(`${key}: expected a whole number from 0 to 10000000`);
  return value;
}

function parseMoney(value: unknown): string {
  if (typeof value !== "string" || !/^\d{1,12}(\.\d{1,2})?$/.test(value))
    throw invalid("it_budget: expected a decimal text such as 125000.50");
  return toDecimal(toCents(value));
}

export function invalid(message: string): RequestError {
  return new RequestError(422, "invalid_deal", message);
}
