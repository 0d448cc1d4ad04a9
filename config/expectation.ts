import { z } from "zod";

/** What the schema says beside type and bounds. */
export interface SchemaNotes {
  description?: string;
  unit?: string;
  secret?: boolean;
  example?: string;
  /** Undefined when the key has no default. */
  default?: unknown;
  required: boolean;
}

interface Definition {
  type: string;
  innerType?: z.ZodType;
  defaultValue?: unknown;
}

const definitionOf = (schema: z.ZodType) => schema._zod.def as unknown as Definition;

/** The schema without `default`, `optional` and `prefault` around it. */
export function unwrapSchema(schema: z.ZodType): z.ZodType {
  const { innerType } = definitionOf(schema);
  return innerType ? unwrapSchema(innerType) : schema;
}

/** Description, unit, default… of a schema, gathered through its wrappers. */
export function readNotes(schema: z.ZodType): SchemaNotes {
  const { type, innerType, defaultValue } = definitionOf(schema);
  const own = { ...schema.meta() } as Partial<SchemaNotes>;
  if (!innerType) return { ...own, required: true };
  const inner = readNotes(innerType);
  const notes: SchemaNotes = { ...inner, ...own, required: false };
  if (type === "default") notes.default = defaultValue;
  return notes;
}

/** Schema of the value at a path, or undefined where the path leaves the schema. */
export function schemaAt(schema: z.ZodType, path: readonly PropertyKey[]): z.ZodType | undefined {
  const [head, ...rest] = path;
  if (head === undefined) return schema;
  const plain = unwrapSchema(schema);
  if (plain instanceof z.ZodObject) {
    const next = Object.hasOwn(plain.shape, head) ? plain.shape[String(head)] : undefined;
    return next && schemaAt(next as z.ZodType, rest);
  }
  if (plain instanceof z.ZodArray) return schemaAt(plain.element as z.ZodType, rest);
  if (plain instanceof z.ZodRecord) return schemaAt(plain.valueType as z.ZodType, rest);
  if (plain instanceof z.ZodUnion) {
    const options = plain.options as z.ZodType[];
    return options.map((option) => schemaAt(option, path)).find((found) => found !== undefined);
  }
  return undefined;
}

/** What a value has to be, in words: "an integer from 1 to 16", "one of keep, restore". */
export function describeExpected(schema: z.ZodType): string {
  const plain = unwrapSchema(schema);
  if (plain instanceof z.ZodNumber) return `an integer from ${plain.minValue} to ${plain.maxValue}`;
  if (plain instanceof z.ZodBoolean) return "true or false";
  if (plain instanceof z.ZodEnum) return `one of ${plain.options.join(", ")}`;
  if (plain instanceof z.ZodString) return describeText(plain);
  if (plain instanceof z.ZodArray) return hasMinimum(plain) ? "a list with at least one entry" : "a list";
  if (plain instanceof z.ZodLiteral) return [...plain.values].map(String).join(" or ");
  if (plain instanceof z.ZodUnion) return (plain.options as z.ZodType[]).map(describeExpected).join(" or ");
  return "an object";
}

function hasMinimum(list: z.ZodArray): boolean {
  return (list._zod.def.checks ?? []).some((check) => check._zod.def.check === "min_length");
}

function describeText(text: z.ZodString): string {
  for (const check of text._zod.def.checks ?? []) {
    const { error } = check._zod.def as unknown as { error?: (issue: object) => unknown };
    const words = error?.({});
    if (typeof words === "string") return words;
  }
  const [low, high] = [text.minLength, text.maxLength];
  if (low && high) return `text of ${low} to ${high} characters`;
  return high ? `text of at most ${high} characters` : "text";
}
