import { containsUnknown, isObject, type PropertyMap, type PropertyValue, reveal } from "./property-value.ts";

type InputType = "string" | "boolean" | "strings" | "string map" | "list";

const SHARED: Record<string, InputType> = {
  stdin: "string",
  logging: "string",
  interpreter: "strings",
  dir: "string",
  environment: "string map",
  assetPaths: "strings",
  archivePaths: "strings",
  addPreviousOutputInEnv: "boolean",
};

/** Every input of `local.Command`, with its type. */
export const COMMAND_INPUTS: Record<string, InputType> = {
  create: "string",
  update: "string",
  delete: "string",
  triggers: "list",
  ...SHARED,
};

/** Every input of `local.run`, with its type. */
export const RUN_INPUTS: Record<string, InputType> = { command: "string", ...SHARED };

/** The inputs as the command sees them: secrets laid open, types checked. */
export interface CommandInputs {
  create?: string;
  update?: string;
  delete?: string;
  command?: string;
  stdin?: string;
  /** `stdout`, `stderr`, `stdoutAndStderr` or `none`; anything else logs nothing, as in the official plugin. */
  logging?: string;
  interpreter?: string[];
  dir?: string;
  environment?: Record<string, string>;
  assetPaths?: string[];
  archivePaths?: string[];
  addPreviousOutputInEnv?: boolean;
}

/** Why an input was refused. */
export interface InputFailure {
  property: string;
  reason: string;
}

const isString = (value: PropertyValue) => typeof value === "string";
const MATCHES: Record<InputType, (value: PropertyValue) => boolean> = {
  string: isString,
  boolean: (value) => typeof value === "boolean",
  strings: (value) => Array.isArray(value) && value.every(isString),
  "string map": (value) => isObject(value) && Object.values(value).every(isString),
  list: Array.isArray,
};
const SPOKEN: Record<InputType, string> = {
  string: "a string",
  boolean: "a boolean",
  strings: "a list of strings",
  "string map": "a map of strings",
  list: "a list",
};

function typeName(value: PropertyValue): string {
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** What is wrong with the inputs; the value itself is never told, it may be a secret. */
export function checkInputs(inputs: PropertyMap, known: Record<string, InputType>): InputFailure[] {
  return Object.entries(inputs).flatMap(([property, raw]) => {
    const type = known[property];
    if (property.startsWith("__") || property === "version" || raw === null) return [];
    if (!type) {
      return [{ property, reason: `expected one of ${Object.keys(known).join(", ")}, got ${property}` }];
    }
    const value = reveal(raw);
    // A part that is not known yet has no type yet.
    if (containsUnknown(value) || MATCHES[type](value)) return [];
    return [{ property, reason: `expected ${SPOKEN[type]}, got ${typeName(value)}` }];
  });
}

/** The checked inputs, secrets laid open; what is no input (outputs in a state, say) is left out. */
export function readInputs(properties: PropertyMap, known: Record<string, InputType>): CommandInputs {
  const entries = Object.entries(properties)
    .filter(([key, value]) => key in known && value !== null)
    .map(([key, value]) => [key, reveal(value)]);
  return Object.fromEntries(entries) as CommandInputs;
}
