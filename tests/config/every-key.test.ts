import { ok } from "node:assert/strict";
import { ConfigError, loadConfig } from "../../config/load.ts";
import { renderReference } from "../../config/reference.ts";
import { validValues } from "./valid-values.ts";

/** Every key that the reference lists, sections left out: what is in them is listed by itself. */
function listKeys(): string[] {
  const keys = [...renderReference().matchAll(/^\| `([^`]+)` \|/gm)].map(([, key]) => key as string);
  return keys.filter(
    (key) => !keys.some((other) => other.startsWith(`${key}.`) || other.startsWith(`${key}[].`)),
  );
}

type Path = (string | number)[];

/** A copy with `value` at the path; what is missing on the way is made. */
function withValue(at: unknown, [head, ...rest]: Path, value: unknown): unknown {
  if (head === undefined) return value;
  const copy = (Array.isArray(at) ? [...at] : { ...(at as object) }) as Record<string | number, unknown>;
  const next = copy[head] ?? (typeof rest[0] === "number" ? [] : {});
  copy[head] = withValue(next, rest, value);
  return copy;
}

function faultsOf(values: Record<string, unknown>): readonly string[] {
  try {
    loadConfig({ values, stack: "prod", sandbox: () => undefined });
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

/** The valid configuration with its objects as such. */
const VALID = Object.fromEntries(
  Object.entries(validValues()).map(([key, value]) => [
    key,
    /^[[{]/.test(String(value)) ? JSON.parse(String(value)) : value,
  ]),
);

const escapeText = (name: string) => name.replaceAll(/[.[\]]/g, "\\$&");

/** What is of no key's type: neither text, nor number, nor a list, nor a map of texts. */
const WRONG = { of: { no: ["type"] } };
/** The one key that holds any object. */
const wrongFor = (key: string) => (key === "smokeTest.create.body" ? "text" : WRONG);

describe("every key of the configuration", () => {
  for (const key of listKeys()) {
    it(`is refused by its name with a value of the wrong type: ${key}`, () => {
      const path = key
        .split(".")
        .flatMap((part): Path => (part.endsWith("[]") ? [part.slice(0, -2), 0] : [part]));
      const faults = faultsOf(withValue(VALID, path, wrongFor(key)) as Record<string, unknown>);
      const name = key.replaceAll("[]", "[0]");
      const named = new RegExp(` for ${escapeText(name)}(\\.of)? in |'${escapeText(name)}'`);
      ok(
        faults.some((fault) => named.test(fault)),
        `${name} in\n${faults.join("\n")}`,
      );
    });
  }
});
