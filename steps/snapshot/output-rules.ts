import type Big from "big.js";
import { isLosslessNumber, LosslessNumber, parse } from "lossless-json";
import type { OutputRule } from "../../config/output-rule.ts";
import { isTimes, readDecimal, showTimes } from "./exact-decimal.ts";

/** A JSON value whose numbers are still the texts that the application wrote. */
export type ExactJson = unknown;

/**
 * Reads JSON without losing a letter of its numbers. @throws {SyntaxError} for what is no JSON, or names a field twice.
 */
export function parseExactly(json: string): ExactJson {
  // JSON that is written again just as it was has lost nothing, its numbers' texts included: ten times as fast.
  const plain: unknown = JSON.parse(json);
  return JSON.stringify(plain) === json ? plain : parse(json);
}

/** Where an output is not as it should be. */
export interface OutputDifference {
  field: string;
  /** One line without the output's values: they may be personal. */
  fault: string;
  /** The values that were found, for outputs of our own deals. */
  found: string[];
  /** How many times its measure the value is, where both are decimals. */
  times?: string;
}

/** How messages call the output that is judged, and the one that it is measured by. */
export interface Sides {
  judged: string;
  reference: string;
}

/** The same release with the flag on, measured by itself with the flag off. */
export const FLAG_SIDES: Sides = { judged: "with the flag on", reference: "with the flag off" };

export const isObject = (value: unknown): value is Record<string, unknown> =>
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
export function textOf(value: unknown): string {
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
function decimalAt(output: ExactJson, field: string): Big | string {
  const found = valuesAt(output, field);
  if (found.length !== 1) return found.length === 0 ? "nothing there" : count(found);
  return readDecimal(textOf(found[0])) ?? "no decimal";
}

function judgeRatio(
  { field, ratio }: OutputRule,
  output: ExactJson,
  measure: ExactJson,
  { judged, reference }: Sides,
): OutputDifference[] {
  if (!ratio) return [];
  const [a, b] = [decimalAt(output, field), decimalAt(measure, field)];
  const found = [output, measure].flatMap((one) => valuesAt(one, field).map(textOf));
  const differ = (fault: string) => [{ field, fault: `${field}: ${fault}`, found }];
  if (typeof a === "string") return differ(`expected a decimal ${judged}, got ${a}`);
  if (typeof b === "string") return differ(`expected a decimal ${reference}, got ${b}`);
  if (isTimes(a, b, ratio)) return [];
  const got = `expected ${ratio.min} to ${ratio.max} times the value ${reference}, got`;
  if (b.eq(0)) return differ(`${got} something of 0`);
  const times = showTimes(a, b);
  return differ(`${got} ${times} times`).map((one) => ({ ...one, times }));
}

/** What of an output breaks the rules; `measure` is the output that `ratio` divides by. Pure. */
export function judgeOutput(
  rules: readonly OutputRule[],
  output: ExactJson,
  measure: ExactJson = undefined,
  sides: Sides = FLAG_SIDES,
): OutputDifference[] {
  return rules.flatMap((rule) => [
    ...judgeContent(rule, output),
    ...judgeRatio(rule, output, measure, sides),
  ]);
}

/** The answers of a deal by the request that they belong to. */
export type Outputs = Record<string, ExactJson>;

/** As `judgeOutput`, each rule for the request that it names, by default the first one. Pure. */
export function judgeOutputs(
  rules: readonly OutputRule[],
  outputs: Outputs,
  measure: Outputs = {},
  sides: Sides = FLAG_SIDES,
): OutputDifference[] {
  const first = Object.keys(outputs)[0] ?? "";
  return rules.flatMap((rule) => {
    const request = rule.request ?? first;
    return judgeOutput([rule], outputs[request], measure[request], sides);
  });
}
