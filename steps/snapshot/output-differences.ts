import { isLosslessNumber } from "lossless-json";
import {
  type ExactJson,
  FLAG_SIDES,
  isObject,
  type OutputDifference,
  type Sides,
  textOf,
} from "./output-rules.ts";

/** A value that differs: where it is, with `[]` for each element of a list and without the request's name. */
export interface DifferingValue {
  pattern: string;
  judged: unknown;
  reference: unknown;
}

export interface DifferenceOptions {
  sides?: Sides;
  /** Fields that are not looked at, as patterns. */
  ignored?: ReadonlySet<string>;
  /** What is to be said of a value that differs: null for nothing, undefined for the usual. */
  judgeValue?(value: DifferingValue): Pick<OutputDifference, "fault" | "times"> | null | undefined;
}

/** Where a comparison has come to. */
interface Place {
  at: string;
  /** The names below the request, with `[]` for every element of a list. */
  pattern: string;
}

const ROOT: Place = { at: "", pattern: "" };

/** The answers by request lie one level below the root: the request's name is no part of a pattern. */
function inside({ at, pattern }: Place, name: string): Place {
  if (at === "") return { at: name, pattern };
  return { at: `${at}.${name}`, pattern: pattern ? `${pattern}.${name}` : name };
}

const isNumber = (value: unknown) => typeof value === "number" || isLosslessNumber(value);
const kindOf = (value: unknown) => (isNumber(value) ? "number" : typeof value);

/** Places at which two outputs differ; the order of an object's fields does not count. Pure. */
export function findDifferences(
  judged: ExactJson,
  reference: ExactJson,
  options: DifferenceOptions = {},
  place: Place = ROOT,
): OutputDifference[] {
  const { sides = FLAG_SIDES, ignored, judgeValue } = options;
  if (ignored?.has(place.pattern)) return [];
  const field = place.at || "output";
  const differ = (what: string) => [{ field, fault: `${field}: ${what}`, found: [] }];
  if (Array.isArray(judged) && Array.isArray(reference)) {
    if (judged.length !== reference.length)
      return differ(`expected ${reference.length} elements as ${sides.reference}, got ${judged.length}`);
    return judged.flatMap((value, index) => {
      const element = { at: `${place.at}[${index}]`, pattern: `${place.pattern}[]` };
      return findDifferences(value, reference[index], options, element);
    });
  }
  if (isObject(judged) && isObject(reference)) return compareFields(judged, reference, options, place);
  if (kindOf(judged) === kindOf(reference) && textOf(judged) === textOf(reference)) return [];
  const said = judgeValue?.({ pattern: place.pattern, judged, reference });
  if (said === null) return [];
  if (said) return [{ field, found: [], ...said, fault: `${field}: ${said.fault}` }];
  return differ(`expected the same as ${sides.reference}, got another value`);
}

function compareFields(
  judged: Record<string, unknown>,
  reference: Record<string, unknown>,
  options: DifferenceOptions,
  place: Place,
): OutputDifference[] {
  const { sides = FLAG_SIDES, ignored } = options;
  const names = [...new Set([...Object.keys(judged), ...Object.keys(reference)])].sort();
  return names.flatMap((name) => {
    const next = inside(place, name);
    const [here, there] = [Object.hasOwn(judged, name), Object.hasOwn(reference, name)];
    if (here && there) return findDifferences(judged[name], reference[name], options, next);
    if (ignored?.has(next.pattern)) return [];
    const fault = `${next.at}: expected it ${there ? "" : "not "}to be there as ${sides.reference}`;
    return [{ field: next.at, fault, found: [] }];
  });
}
