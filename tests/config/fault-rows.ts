import { ConfigError, loadConfig } from "../../config/load.ts";
import { validValues, withInner } from "./valid-values.ts";

/** Every fault of a configuration that differs from a valid one in `changed`. */
export function faultsOf(changed: Record<string, unknown>): readonly string[] {
  try {
    loadConfig({ values: validValues(changed), stack: "prod", sandbox: () => undefined });
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

/** The command that mends a key of the stack file. */
export const set = (key: string, value: string) => `Set it: pulumi config set ${key} ${value} --stack prod`;
export const setInner = (key: string, value: string) =>
  `Set it: pulumi config set --path ${key} ${value} --stack prod`;
export const write = (key: string) => `Write it in Pulumi.prod.yaml: docs/config.md describes ${key}.`;
/** A fault as the configuration's author reads it. */
export const line = (expected: string, key: string, got: string, remedy: string) =>
  `config: expected ${expected} for ${key} in Pulumi.prod.yaml, got ${got}. ${remedy}`;

/** A change of the valid configuration, and the one fault that it is told for. */
export type Row = [what: string, changed: Record<string, unknown>, fault: string];

/** A row that changes one value inside of a key. */
export const inner = (
  key: string,
  path: (string | number)[],
  value: unknown,
  expected: string,
  got: string,
  remedy?: string,
): Row => {
  const shown = [key, ...path]
    .map((part, index) => (typeof part === "number" ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join("");
  const word = shown.includes("[") ? `'${shown}'` : shown;
  return [
    `${shown} ${got}`,
    withInner(key, path, value),
    line(expected, shown, got, remedy ?? setInner(word, "<value>")),
  ];
};
