import { closest, distance } from "fastest-levenshtein";
import type { z } from "zod";
import { StepError } from "../errors/step-error.ts";
import { shellWord } from "../system/shell-word.ts";
import { describeExpected, readNotes, schemaAt, unwrapSchema } from "./expectation.ts";
import { showPath, showValue } from "./value-text.ts";

/** Everything that is wrong with a stack's configuration, one complete line each. */
export class ConfigError extends StepError {
  override name = "ConfigError";
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join("\n"));
    this.faults = faults;
  }
}

/** What a fault line names beside the fault itself. */
export interface FaultContext {
  schema: z.ZodObject;
  stack: string;
  /** Name of the stack's file, e.g. `Pulumi.sandbox.yaml`. */
  file: string;
  /** Top-level keys whose values are never shown. */
  secretKeys: ReadonlySet<string>;
}

/** One fault line in the house's form. `value` is hidden when its key is a secret. */
export function faultLine(
  context: FaultContext,
  path: readonly PropertyKey[],
  expected: string,
  value: unknown,
): string {
  const secret = context.secretKeys.has(String(path[0])) && value !== undefined;
  const shown = secret ? "a value not shown because it is a secret" : showValue(value);
  const hint = typeof value === "number" && expected.includes("hex digits") ? " (quote it in YAML)" : "";
  return `config: expected ${expected} for ${showPath(path)} in ${context.file}, got ${shown}${hint}. ${remedy(context, path, value)}`;
}

/** The default would be the wrong advice for a misspelt answer: what was meant, where that can be told. Pure. */
function meantBoolean(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const word = String(value).slice(0, 10).toLowerCase();
  return ["true", "false"].find((answer) => distance(word, answer) <= 2) ?? "<true or false>";
}

/** The command that sets a key, or where to write it when it is not a single value. */
export function remedy(
  { schema, stack, file }: FaultContext,
  path: readonly PropertyKey[],
  value?: unknown,
): string {
  const found = schemaAt(schema, path);
  const key = showPath(path);
  // A key with blanks or odd letters is shown escaped: fit to be read, not to be pasted.
  const escaped = path.some((part) => typeof part === "string" && !/^\w+$/.test(part));
  if (!found || escaped || ["object", "array", "record"].includes(unwrapSchema(found)._zod.def.type)) {
    return `Write it in ${file}: docs/config.md describes ${String(path[0])}.`;
  }
  const notes = readNotes(found);
  if (notes.secret) {
    // Without an example it is typed when Pulumi asks for it.
    const example = notes.example === undefined ? "" : ` '${notes.example}'`;
    return `Set it: pulumi config set --secret ${key}${example} --stack ${stack}`;
  }
  const meant = unwrapSchema(found)._zod.def.type === "boolean" ? meantBoolean(value) : undefined;
  const example = meant ?? notes.default ?? notes.example;
  const word = example === undefined ? "<value>" : shellWord(String(example));
  const dive = path.length > 1 ? "--path " : "";
  return `Set it: pulumi config set ${dive}${shellWord(key)} ${word} --stack ${stack}`;
}

/** Fault line for a key that the schema does not know. Its value is not shown: it may be a misspelt secret. */
export function unknownKeyLine(context: FaultContext, path: readonly PropertyKey[], known: string[]): string {
  const key = showPath(path);
  const name = String(path.at(-1));
  const near = nearestName(name, known);
  const guess = near ? `Did you mean ${showPath([...path.slice(0, -1), near])}? ` : "";
  const dive = path.length > 1 ? "--path " : "";
  return (
    `config: expected one of the known keys (${known.join(", ")}), got ${key} in ${context.file}. ` +
    `${guess}Remove it: pulumi config rm ${dive}${shellWord(key)} --stack ${context.stack}`
  );
}

/** The known name that a misspelt one most likely means, or undefined when none is near. */
function nearestName(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0 || name.length > 100) return undefined;
  const lower = new Map(known.map((candidate) => [candidate.toLowerCase(), candidate]));
  const near = closest(name.toLowerCase(), [...lower.keys()]);
  const close = distance(name.toLowerCase(), near) <= Math.max(1, Math.floor(near.length / 3));
  return close ? lower.get(near) : undefined;
}

/** Turns one of zod's issues about a top-level key into fault lines. */
export function issueLines(
  context: FaultContext,
  key: string,
  raw: unknown,
  issue: z.core.$ZodIssue,
): string[] {
  const path = [key, ...issue.path];
  // Of several shapes the one that was meant is the one that fits furthest: its own faults are told.
  const meant =
    issue.code === "invalid_union" ? issue.errors.find(([first]) => first?.path.length) : undefined;
  if (meant) {
    return meant.flatMap((inner) =>
      issueLines(context, key, raw, { ...inner, path: [...issue.path, ...inner.path] } as z.core.$ZodIssue),
    );
  }
  if (issue.code === "unrecognized_keys") {
    const owner = schemaAt(context.schema, path);
    const shape = owner ? (unwrapSchema(owner) as z.ZodObject).shape : {};
    return issue.keys.map((name) => unknownKeyLine(context, [...path, name], Object.keys(shape)));
  }
  const found = schemaAt(context.schema, path);
  const spoken = issue.code === "custom" || !found;
  const expected = spoken ? issue.message.replace(/^expected /, "") : describeExpected(found);
  return [faultLine(context, path, expected, valueAt(raw, issue.path))];
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      value !== null && typeof value === "object" ? (value as Record<PropertyKey, unknown>)[part] : undefined,
    raw,
  );
}
