import { isLosslessNumber, LosslessNumber, parse } from "lossless-json";
import type { OutputRule } from "../config/output-rule.ts";
import { compareDecimals, type ExactDecimal, multiply, readDecimal, showQuotient } from "./exact-decimal.ts";

/** A JSON value whose numbers are still the texts that the application wrote. */
export type ExactJson = unknown;

/** @throws {SyntaxError} for what is no JSON. */
export const parseExactly = (json: string): ExactJson => parse(json);

/** Where an output is not as it should be. */
export interface OutputDifference {
  field: string;
  /** One line without the output's values: they may be personal. */
  fault: string;
  /** The values that were found, for outputs of our own deals. */
  found: string[];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof LosslessNumber);

/** What a dotted path leads to: one value for each element of the lists on its way. Pure. */
export function valuesAt(output: ExactJson, field: string): unknown[] {
  return field.split(".").reduce<unknown[]>(
    (values, part) => {
      const name = part.replace(/\[\]$/, "");
      const next = values.flatMap((value) =>
        isObject(value) && Object.hasOwn(value, name) ? [value[name]] : [],
      );
      return part.endsWith("[]") ? next.flatMap((list) => (Array.isArray(list) ? list : [])) : next;
    },
    [output],
  );
}

/** A value as a rule names it: strings as they are, numbers as the application wrote them. */
function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  return isLosslessNumber(value) ? value.value : String(JSON.stringify(value));
}

const count = (values: unknown[]) => `${values.length} ${values.length === 1 ? "value" : "values"}`;

function judgeContent({ field, includes, excludes }: OutputRule, output: ExactJson): OutputDifference[] {
  const found = valuesAt(output, field).map(textOf);
  if (includes !== undefined && !found.includes(includes)) {
    const got = found.length === 0 ? "nothing there" : `${count(found)} without it`;
    return [{ field, fault: `${field}: expected to include "${includes}", got ${got}`, found }];
  }
  if (excludes !== undefined && found.includes(excludes))
    return [{ field, fault: `${field}: expected none to be "${excludes}", got it`, found }];
  return [];
}

/** The one decimal that a path leads to, or what there is instead. */
function decimalAt(output: ExactJson, field: string): ExactDecimal | string {
  const found = valuesAt(output, field);
  if (found.length !== 1) return found.length === 0 ? "nothing there" : count(found);
  return readDecimal(textOf(found[0])) ?? "no decimal";
}

function judgeRatio({ field, ratio }: OutputRule, on: ExactJson, off: ExactJson): OutputDifference[] {
  if (!ratio) return [];
  const [a, b] = [decimalAt(on, field), decimalAt(off, field)];
  const found = [on, off].flatMap((output) => valuesAt(output, field).map(textOf));
  const differ = (fault: string) => [{ field, fault: `${field}: ${fault}`, found }];
  if (typeof a === "string") return differ(`expected a decimal with the flag on, got ${a}`);
  if (typeof b === "string") return differ(`expected a decimal with the flag off, got ${b}`);
  // Compared by multiplication: nothing is divided, so nothing is rounded, and zero stays zero.
  const bounds = [ratio.min, ratio.max].map((bound) => multiply(readDecimal(bound) as ExactDecimal, b));
  const [low, high] = (b.digits < 0n ? bounds.reverse() : bounds) as [ExactDecimal, ExactDecimal];
  if (compareDecimals(a, low) >= 0 && compareDecimals(a, high) <= 0) return [];
  const got = b.digits === 0n ? "something of 0" : `${showQuotient(a, b)} times`;
  return differ(`expected ${ratio.min} to ${ratio.max} times the value with the flag off, got ${got}`);
}

/** What of an output breaks the rules; `off` is the same output with the flag off, for `ratio`. Pure. */
export function judgeOutput(
  rules: readonly OutputRule[],
  on: ExactJson,
  off: ExactJson = undefined,
): OutputDifference[] {
  return rules.flatMap((rule) => [...judgeContent(rule, on), ...judgeRatio(rule, on, off)]);
}

/** Places at which two outputs differ; the order of an object's fields does not count. Pure. */
export function findDifferences(on: ExactJson, off: ExactJson, at = ""): OutputDifference[] {
  const differ = (what: string) => [
    { field: at || "output", fault: `${at || "output"}: ${what}`, found: [] },
  ];
  if (Array.isArray(on) && Array.isArray(off)) {
    if (on.length !== off.length)
      return differ(`expected ${off.length} elements as with the flag off, got ${on.length}`);
    return on.flatMap((value, index) => findDifferences(value, off[index], `${at}[${index}]`));
  }
  if (isObject(on) && isObject(off)) {
    const names = [...new Set([...Object.keys(on), ...Object.keys(off)])].sort();
    return names.flatMap((name) => {
      const field = at ? `${at}.${name}` : name;
      const both = Object.hasOwn(on, name) && Object.hasOwn(off, name);
      if (both) return findDifferences(on[name], off[name], field);
      const fault = `${field}: expected it ${Object.hasOwn(off, name) ? "" : "not "}to be there as with the flag off`;
      return [{ field, fault, found: [] }];
    });
  }
  const same = typeof on === typeof off && isLosslessNumber(on) === isLosslessNumber(off);
  return same && textOf(on) === textOf(off)
    ? []
    : differ("expected the same as with the flag off, got another value");
}
