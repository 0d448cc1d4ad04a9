import type { TypeRules } from "../../config/output-rule.ts";
import type { ShadowSection } from "../../config/shadow.ts";
import type { SampledRow } from "../../postgres/deals/deal-sample.ts";
import type { Answered, DealAsker } from "../snapshot/deal-asker.ts";
import { mapOrdered } from "../snapshot/ordered-map.ts";
import { findDifferences } from "../snapshot/output-differences.ts";
import { judgeOutputs, type Outputs, parseExactly } from "../snapshot/output-rules.ts";
import { parseLine } from "../snapshot/snapshot-line.ts";

/** A place at which a deal's outputs are not as the rules say. Holds nothing of the outputs but field names. */
export interface DealDifference {
  key: string;
  type: string;
  field: string;
  fault: string;
}

/** What became of one deal of the sample. */
export interface ComparedDeal {
  /** The type that counted: users may have edited the deal meanwhile. */
  type: string;
  differences: DealDifference[];
  /** It was deleted meanwhile. */
  gone: boolean;
}

export interface Comparison {
  on: DealAsker;
  off: DealAsker;
  rules: ShadowSection["rules"];
  concurrency: number;
  /** The deal's type now; null when it is gone. */
  readType(key: string): Promise<string | null>;
  signal: AbortSignal;
}

/** Times a deal that differs is asked again: a user may have edited it between the two answers. */
const LOOKS = 3;

type Fault = Pick<DealDifference, "field" | "fault">;

function readOutputs({ line }: Answered, flag: "on" | "off"): Outputs | Fault {
  const { request, reason } = line.error ?? {};
  if (request)
    return { field: request, fault: `${request}: expected an answer with the flag ${flag}, got ${reason}` };
  return parseExactly(parseLine(line.text)?.outputs ?? "{}") as Outputs;
}

/** Applies the rules of a type to both outputs of a deal. Pure. */
function compareOutputs(rules: TypeRules[string], on: Outputs, off: Outputs): Fault[] {
  return rules === "identical" ? findDifferences(on, off) : judgeOutputs(rules, on, off);
}

const isFault = (outputs: Outputs | Fault): outputs is Fault => typeof outputs.fault === "string";

async function askBoth({ key, type }: SampledRow, run: Comparison): Promise<ComparedDeal> {
  const [[on], [off]] = (await Promise.all([run.on.ask([key]), run.off.ask([key])])) as [
    [Answered],
    [Answered],
  ];
  if (on.unknown && off.unknown) return { type, differences: [], gone: true };
  const [a, b] = [readOutputs(on, "on"), readOutputs(off, "off")];
  const faults = [a, b].filter(isFault);
  const rules = Object.hasOwn(run.rules, type) ? run.rules[type] : undefined;
  const found =
    faults.length > 0 ? faults : rules ? compareOutputs(rules, a as Outputs, b as Outputs) : [noRules(type)];
  return { type, gone: false, differences: found.map(({ field, fault }) => ({ key, type, field, fault })) };
}

const noRules = (type: string): Fault => ({
  field: "type",
  fault: `type: expected one with rules, got ${type}`,
});

async function compareDeal(row: SampledRow, run: Comparison): Promise<ComparedDeal> {
  let deal = await askBoth(row, run);
  for (let look = 1; look < LOOKS && deal.differences.length > 0; look += 1) {
    run.signal.throwIfAborted();
    const type = await run.readType(row.key);
    if (type === null) return { ...deal, differences: [], gone: true };
    deal = await askBoth({ key: row.key, type }, run);
  }
  return deal;
}

/** Compares the deals of a sample, several at a time, in their order. */
export async function compareDeals(rows: readonly SampledRow[], run: Comparison): Promise<ComparedDeal[]> {
  const source = (async function* () {
    yield* rows;
  })();
  const compared: ComparedDeal[] = [];
  for await (const deal of mapOrdered(source, run.concurrency, (row) => compareDeal(row, run))) {
    run.signal.throwIfAborted();
    compared.push(deal);
  }
  return compared;
}
