import type { Deal } from "../deal.ts";
import { DEAL_TYPES } from "../deal-type.ts";
import { TYPE_NAMES } from "./deal-type-text.ts";

export type FieldName =
  | "name"
  | "target_name"
  | "deal_type"
  | "it_budget"
  | "currency"
  | "employees"
  | "applications"
  | "lead_name"
  | "status"
  | "notes";

/** What the forms ask for, and what they say when an answer can't be taken: the browser and the server say the same. */
export interface Field {
  label: string;
  kind: "text" | "amount" | "count" | "choice" | "notes";
  required?: true;
  hint?: string;
  maxLength?: number;
  choices?: readonly (readonly [value: string, text: string])[];
  /** Said when a required one is empty. */
  missing?: string;
  /** Said when deal.ts refuses it. */
  invalid: string;
}

const COUNT_TEXT = "a whole number from 0 to 10,000,000";
const same = (value: string) => [value, value] as const;

export const FIELDS: Record<FieldName, Field> = {
  name: {
    label: "Name",
    kind: "text",
    required: true,
    hint: "What your team calls this deal.",
    maxLength: 200,
    missing: "Enter a name",
    invalid: "The name must have 200 characters or fewer",
  },
  target_name: {
    label: "Target",
    kind: "text",
    required: true,
    hint: "The company, or the part of one, that changes hands.",
    maxLength: 200,
    missing: "Enter a target",
    invalid: "The target must have 200 characters or fewer",
  },
  deal_type: {
    label: "Deal type",
    kind: "choice",
    required: true,
    choices: DEAL_TYPES.map((type) => [type, TYPE_NAMES[type]]),
    missing: "Choose a deal type",
    invalid: "Choose one of the deal types in the list",
  },
  it_budget: {
    label: "IT budget",
    kind: "amount",
    maxLength: 20,
    invalid: "The IT budget must be an amount such as 125,000.50",
  },
  currency: {
    label: "Currency",
    kind: "choice",
    choices: ["USD", "EUR", "GBP", "JPY", "CHF"].map(same),
    invalid: "Choose one of the currencies in the list",
  },
  employees: {
    label: "Employees",
    kind: "count",
    maxLength: 12,
    invalid: `Employees must be ${COUNT_TEXT}`,
  },
  applications: {
    label: "Applications",
    kind: "count",
    maxLength: 12,
    invalid: `Applications must be ${COUNT_TEXT}`,
  },
  lead_name: {
    label: "Deal lead",
    kind: "text",
    maxLength: 100,
    invalid: "The deal lead must have 100 characters or fewer",
  },
  status: {
    label: "Status",
    kind: "choice",
    choices: [
      ["open", "Open"],
      ["active", "Active"],
      ["closed", "Closed"],
      ["archived", "Archived"],
    ],
    invalid: "Choose one of the statuses in the list",
  },
  notes: {
    label: "Notes",
    kind: "notes",
    maxLength: 10_000,
    invalid: "The notes must have 10,000 characters or fewer",
  },
};

/** What a field may be chosen from: the list, and what this deal has already. */
export function choicesOf(name: FieldName, deal?: Deal): readonly (readonly [string, string])[] {
  const listed = FIELDS[name].choices ?? [];
  const own = name === "deal_type" ? undefined : deal?.[name];
  return typeof own !== "string" || listed.some(([value]) => value === own) ? listed : [...listed, same(own)];
}
