import Big from "big.js";
import type { OutputRule } from "../../config/output-rule.ts";
import { isTimes, readDecimal, type TimesRange } from "../snapshot/exact-decimal.ts";

const [QUOTE, COMMA, ZERO, NINE, OPEN_LIST, BACKSLASH, CLOSE_LIST, OPEN, CLOSE] = Buffer.from(
  '",09[\\]{}',
) as unknown as [number, number, number, number, number, number, number, number, number];

/** A piece of a line that holds JSON without blanks. */
export interface JsonBytes {
  bytes: Buffer;
  from: number;
  to: number;
}

/** A name on the way to a rule's field. */
interface Node {
  name: Buffer;
  children: Node[];
  /** Stands for every element of the list that is here. */
  element?: Node;
  /** Index of the field whose values are here. */
  field?: number;
}

/** What has to hold of a field's values, as bytes. */
type Demand =
  | { field: number; includes: Buffer }
  | { field: number; excludes: Buffer }
  | { field: number; ratio: TimesRange };

const newNode = (name: string): Node => ({ name: Buffer.from(name), children: [] });

function childOf(node: Node, name: string): Node {
  const known = node.children.find((child) => child.name.equals(Buffer.from(name)));
  if (known) return known;
  const child = newNode(name);
  node.children.push(child);
  return child;
}

/** Thrown for what only a full parse can judge: escapes, a list where one value is wanted. */
const DOUBT = new Error("rule scan: has to be read as a whole");

/**
 * Tells by one pass over the bytes of two outputs that every rule holds. It never says so wrongly: whatever it is not
 * sure of is left to `judgeOutputs`, which also finds the words for what does not hold.
 */
export class RuleScan {
  /** Below the first answer, and below those that a rule names. */
  readonly #first = newNode("");
  readonly #requests = newNode("");
  readonly #demands: Demand[];
  #fields = 0;
  /** Start and end of each value that the last pass found, by field. */
  #found: number[][] = [];
  #line: JsonBytes = { bytes: Buffer.alloc(0), from: 0, to: 0 };

  constructor(rules: readonly OutputRule[]) {
    this.#demands = rules.map((rule) => this.#compile(rule));
  }

  /** True: each rule holds for `output`, measured by `measure`. False: that is to be seen. */
  holds(output: JsonBytes, measure: JsonBytes): boolean {
    try {
      const found = this.#collect(output);
      const ratio = this.#demands.some((demand) => "ratio" in demand);
      const measured = ratio ? this.#collect(measure) : [];
      return this.#demands.every((demand) => {
        const values = found[demand.field] ?? [];
        if ("includes" in demand) return this.#has(output, values, demand.includes);
        if ("excludes" in demand) return !this.#has(output, values, demand.excludes);
        const value = decimalAt(output, values);
        const base = decimalAt(measure, measured[demand.field] ?? []);
        return value !== undefined && base !== undefined && isTimes(value, base, demand.ratio);
      });
    } catch (error) {
      if (error === DOUBT) return false;
      throw error;
    }
  }

  #compile({ field: path, request, includes, excludes, ratio }: OutputRule): Demand {
    let node = request === undefined ? this.#first : childOf(this.#requests, request);
    for (const part of path.split(".")) {
      node = childOf(node, part.replace(/\[\]$/, ""));
      if (part.endsWith("[]")) {
        node.element ??= newNode("");
        node = node.element;
      }
    }
    node.field ??= this.#fields++;
    const { field } = node;
    if (includes !== undefined) return { field, includes: Buffer.from(includes) };
    if (excludes !== undefined) return { field, excludes: Buffer.from(excludes) };
    return { field, ratio: { min: new Big(ratio?.min ?? 0), max: new Big(ratio?.max ?? 0) } };
  }

  #collect(line: JsonBytes): number[][] {
    this.#line = line;
    this.#found = Array.from({ length: this.#fields }, () => []);
    this.#object(line.from, this.#requests, this.#first);
    return this.#found;
  }

  /** Goes through a value. @returns the position after it. */
  #value(at: number, node: Node | undefined): number {
    const { bytes } = this.#line;
    const begin = bytes[at];
    if (begin === OPEN || begin === OPEN_LIST) {
      if (node?.field !== undefined) throw DOUBT;
      return begin === OPEN ? this.#object(at, node) : this.#list(at, node?.element);
    }
    const end = begin === QUOTE ? this.#text(at, node?.field !== undefined) : this.#scalar(at);
    if (node?.field !== undefined)
      this.#found[node.field]?.push(begin === QUOTE ? at + 1 : at, begin === QUOTE ? end - 1 : end);
    return end;
  }

  /** `first` takes the place of the first member's own node, where no rule names that. */
  #object(at: number, node: Node | undefined, first?: Node): number {
    const { bytes } = this.#line;
    let next = at + 1;
    if (bytes[next] === CLOSE) return next + 1;
    for (let isFirst = first !== undefined; ; isFirst = false) {
      const end = this.#text(next, true);
      const child = node && this.#childAt(node, next + 1, end - 1);
      if (first) {
        // Names of digits come first in an object, wherever they stand; one of both kinds is two nodes.
        const digit = bytes[next + 1] as number;
        if (digit >= ZERO && digit <= NINE) throw DOUBT;
        if (isFirst && child && first.children.length > 0) throw DOUBT;
      }
      next = this.#value(end + 1, isFirst ? (child ?? first) : child);
      if (bytes[next] !== COMMA) return next + 1;
      next += 1;
    }
  }

  #list(at: number, element: Node | undefined): number {
    const { bytes } = this.#line;
    let next = at + 1;
    if (bytes[next] === CLOSE_LIST) return next + 1;
    for (;;) {
      next = this.#value(next, element);
      if (bytes[next] !== COMMA) return next + 1;
      next += 1;
    }
  }

  /** A text that matters must have no escapes: they spell the same in many ways. */
  #text(at: number, matters: boolean): number {
    const { bytes, to } = this.#line;
    for (let next = at + 1; next < to; next += 1) {
      const byte = bytes[next];
      if (byte === QUOTE) return next + 1;
      if (byte !== BACKSLASH) continue;
      if (matters) throw DOUBT;
      next += 1;
    }
    throw DOUBT;
  }

  #scalar(at: number): number {
    const { bytes, to } = this.#line;
    for (let next = at; next < to; next += 1) {
      const byte = bytes[next];
      if (byte === COMMA || byte === CLOSE || byte === CLOSE_LIST) return next;
    }
    throw DOUBT;
  }

  #childAt({ children }: Node, from: number, to: number): Node | undefined {
    const { bytes } = this.#line;
    for (const child of children) {
      const { name } = child;
      if (name.length !== to - from) continue;
      let index = 0;
      while (index < name.length && bytes[from + index] === name[index]) index += 1;
      if (index === name.length) return child;
    }
    return undefined;
  }

  #has({ bytes }: JsonBytes, values: number[], wanted: Buffer): boolean {
    for (let index = 0; index < values.length; index += 2) {
      const [from, to] = [values[index] as number, values[index + 1] as number];
      if (to - from === wanted.length && wanted.compare(bytes, from, to) === 0) return true;
    }
    return false;
  }
}

/** The one decimal among the values of a field. */
function decimalAt({ bytes }: JsonBytes, values: number[]): Big | undefined {
  return values.length === 2 ? readDecimal(bytes.toString("latin1", values[0], values[1])) : undefined;
}
