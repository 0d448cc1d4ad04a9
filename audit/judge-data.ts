import type { AuditSection } from "../config/audit.ts";
import type { AuditPoint } from "../ledger/audit-point.ts";
import type { Change } from "../postgres/migration/change.ts";
import type { RowCounts } from "../postgres/migration/counts.ts";
import { isTimes, readDecimal, showTimes } from "../steps/snapshot/exact-decimal.ts";

/** What could not be looked at, and why. */
export interface Unseen {
  unseen: string;
}

export const isUnseen = (value: object): value is Unseen => Object.hasOwn(value, "unseen");

/** What of a point is settled before anything is judged. */
export type PointFrame = Pick<AuditPoint, "number" | "title" | "expected">;

/** Puts a verdict to a point. */
export function point(
  frame: PointFrame,
  verdict: AuditPoint["verdict"],
  seen: string,
  evidence: string[] = [],
): AuditPoint {
  return { ...frame, verdict, seen, evidence };
}

/** A point that could not be looked at: never green. */
export const unknownPoint = (frame: PointFrame, why: string): AuditPoint => point(frame, "unknown", why);

const count = (rows: number) => rows.toLocaleString("en-US");
const LISTED = 10;

/** `a, b and 7 more` */
export function listSome(names: readonly string[]): string {
  const more = names.length > LISTED ? ` and ${names.length - LISTED} more` : "";
  return `${names.slice(0, LISTED).join(", ")}${more}`;
}

/** Point 1: no row holds another value. NULL is point 2's. Pure. */
export function judgeTypes(counts: RowCounts | Unseen, { allowed }: Change): AuditPoint {
  const frame = {
    ...{ number: 1, title: "All deals have a valid type" },
    expected: `0 rows with another value than ${allowed.join(", ")}`,
  };
  if (isUnseen(counts)) return unknownPoint(frame, counts.unseen);
  const others = Object.entries(counts.byType).filter(([value]) => !allowed.includes(value));
  const rows = others.reduce((sum, [, number]) => sum + number, 0);
  if (rows === 0) return point(frame, "green", `0 of ${count(counts.total)} rows`);
  const named = listSome(
    others.map(([value, number]) => `${JSON.stringify(value.slice(0, 60))} (${count(number)})`),
  );
  return point(frame, "red", `${count(rows)} of ${count(counts.total)} rows: ${named}`);
}

/** Point 2. Pure. */
export function judgeNulls(counts: RowCounts | Unseen, { column }: Change): AuditPoint {
  const frame = { number: 2, title: "No deal is without a type", expected: `0 rows with NULL in ${column}` };
  if (isUnseen(counts)) return unknownPoint(frame, counts.unseen);
  const seen = `${count(counts.null)} of ${count(counts.total)} rows`;
  return point(frame, counts.null === 0 ? "green" : "red", seen);
}

/** A carveout's cost now, and that of the same deal before the application knew of types. */
export interface CostPair {
  key: string;
  now: string;
  before: string;
}

export interface CarveoutCosts {
  pairs: CostPair[];
  /** Carveouts of the sample that have no comparable earlier cost, in words. */
  notCompared: string[];
  /** What was compared with what: paths in the evidence. */
  evidence: string[];
}

function timesOf({ now, before }: CostPair, range: AuditSection["carveouts"]) {
  const [a, b] = [readDecimal(now), readDecimal(before)];
  if (!a || !b || b.lte(0)) return undefined;
  return { within: isTimes(a, b, range), times: showTimes(a, b) };
}

/**
 * Point 3. The comparable acquisition of a carveout is the same deal in the snapshot of phase 0: all deals were costed as
 * acquisitions then. A few may be outside, since users edit deals. Pure.
 */
export function judgeCarveouts(costs: CarveoutCosts | Unseen, rule: AuditSection["carveouts"]): AuditPoint {
  const { min, max, outsidePercent, type, field } = rule;
  const frame = {
    ...{ number: 3, title: `Costs of ${type}s are ${min} to ${max} times those of comparable acquisitions` },
    expected: `${field} ${min} to ${max} times that of the same deal before, at most ${outsidePercent} % of them outside`,
  };
  if (isUnseen(costs)) return unknownPoint(frame, costs.unseen);
  const compared = costs.pairs.flatMap((pair) => {
    const found = timesOf(pair, rule);
    return found ? [{ key: pair.key, ...found }] : [];
  });
  const left = costs.notCompared.length + costs.pairs.length - compared.length;
  const rest = left > 0 ? `; ${count(left)} not compared (new since, or without such a cost)` : "";
  if (compared.length === 0) return unknownPoint(frame, `no ${type} that could be compared${rest}`);
  const sorted = compared.map(({ times }) => Number(times)).sort((a, b) => a - b);
  const outside = compared.filter(({ within }) => !within);
  const named =
    outside.length > 0 ? `: ${listSome(outside.map(({ key, times }) => `deal ${key} ${times} times`))}` : "";
  const median = sorted[Math.floor(sorted.length / 2)];
  const seen = `${count(compared.length)} compared, median ${median} times, ${count(outside.length)} outside${named}${rest}`;
  const red = outside.length * 100 > outsidePercent * compared.length;
  return point(frame, red ? "red" : "green", seen, costs.evidence);
}

/** Whether the output of a deal has a cost of the kind that carveouts alone have. */
export interface KindSeen {
  key: string;
  type: string;
  has: boolean;
}

/** Point 4. Pure. */
export function judgeTsa(deals: KindSeen[] | Unseen, { carveouts, tsa }: AuditSection): AuditPoint {
  const frame = {
    ...{ number: 4, title: `Costs of kind ${tsa.value} appear for ${carveouts.type}s alone` },
    expected: `${tsa.field} with ${tsa.value} for ${carveouts.type}s and for no other type`,
  };
  if (isUnseen(deals)) return unknownPoint(frame, deals.unseen);
  const own = deals.filter(({ type }) => type === carveouts.type);
  const others = deals.filter(({ type }) => type !== carveouts.type);
  const wrong = others.filter(({ has }) => has);
  const having = own.filter(({ has }) => has).length;
  const seen = `${count(having)} of ${count(own.length)} ${carveouts.type}s have it, ${count(wrong.length)} of ${count(others.length)} others`;
  if (wrong.length > 0) {
    return point(frame, "red", `${seen}: ${listSome(wrong.map(({ key, type }) => `deal ${key} (${type})`))}`);
  }
  // Where nobody has it, or nobody else was looked at, nothing was shown.
  return point(frame, having > 0 && others.length > 0 ? "green" : "unknown", seen);
}
