import type { z } from "zod";
import { unwrapSchema } from "./expectation.ts";

/**
 * Pulumi hands every top-level value over as text: `"1"`, `"true"`, JSON for objects and lists.
 * Gives the value that the schema's type calls for; text that does not read as such is returned as it is, so that the
 * schema's fault shows what was written.
 */
export function readRawValue(schema: z.ZodType, raw: unknown): unknown {
  if (typeof raw !== "string") return raw;
  switch (unwrapSchema(schema)._zod.def.type) {
    case "number":
      return /^-?\d{1,15}$/.test(raw) ? Number(raw) : raw;
    case "boolean":
      return raw === "true" ? true : raw === "false" ? false : raw;
    case "object":
    case "array":
      return readJson(raw);
    default:
      return raw;
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
