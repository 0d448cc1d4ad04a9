import type { OutputRule } from "../../config/output-rule.ts";
import type { RegressionSection } from "../../config/regression.ts";
import type { Change } from "../../postgres/migration/change.ts";
import { mapValue } from "../../postgres/migration/change-sql.ts";
import { readDecimal, showTimes } from "../snapshot/exact-decimal.ts";
import { type DifferingValue, findDifferences } from "../snapshot/output-differences.ts";
import {
  judgeOutputs,
  type OutputDifference,
  type Outputs,
  parseExactly,
  type Sides,
  textOf,
} from "../snapshot/output-rules.ts";
import type { SnapshotCursor } from "../snapshot/snapshot-cursor.ts";
import { RuleScan } from "./rule-scan.ts";
import { sameButForType } from "./same-bytes.ts";

const SIDES: Sides = { judged: "now", reference: "before" };

/** What is wrong with a deal's outputs. `standalone`: it is so whatever they were before. */
export interface DealFault extends Pick<OutputDifference, "field" | "fault" | "times"> {
  standalone: boolean;
}

/** What of the configuration a comparison goes by. */
export interface JudgeOptions {
  change: Change;
  section: RegressionSection;
}

const withoutValues =
  (standalone: boolean) =>
  ({ field, fault, times }: OutputDifference): DealFault => ({
    ...{ field, fault, standalone },
    ...(times === undefined ? {} : { times }),
  });

/** Judges the outputs of deals after the rollout by what they were before. Numbers are decimals throughout. */
export class DealJudge {
  readonly #change: Change;
  readonly #section: RegressionSection;
  readonly #costs: ReadonlySet<string>;
  readonly #ignored: ReadonlySet<string>;
  readonly #scans = new Map<readonly OutputRule[], RuleScan>();

  constructor({ change, section }: JudgeOptions) {
    this.#change = change;
    this.#section = section;
    this.#costs = new Set(section.costs);
    this.#ignored = new Set(section.ignore.map(({ field }) => field));
  }

  /** Faults of a deal that both snapshots have answers of; `exact` = nothing differs but how its type is spelled. */
  judge(
    earlier: SnapshotCursor,
    later: SnapshotCursor,
    type: string | null,
  ): { faults: DealFault[]; exact: boolean } {
    const rules = this.#rulesOf(type);
    if (rules === undefined) return { faults: [this.#noRules(type)], exact: false };
    const same = sameButForType(earlier, later, this.#change);
    const good = rules === "identical" ? same : this.#scanOf(rules).holds(later, earlier);
    if (good) return { faults: [], exact: same };
    const [after, before] = [readOutputs(later), readOutputs(earlier)];
    if (!after || !before) return { faults: [UNREADABLE], exact: false };
    const faults =
      rules === "identical"
        ? this.#differences(after, before).map(withoutValues(false))
        : [
            ...judgeOutputs(
              rules.filter(({ ratio }) => !ratio),
              after,
            ).map(withoutValues(true)),
            ...judgeOutputs(
              rules.filter(({ ratio }) => ratio),
              after,
              before,
              SIDES,
            ).map(withoutValues(false)),
          ];
    return { faults, exact: same };
  }

  /** Faults of a deal that only the later snapshot has answers of: what has to hold whatever it was before. */
  judgeAlone(later: SnapshotCursor, type: string | null): DealFault[] {
    const rules = this.#rulesOf(type);
    if (rules === undefined) return [this.#noRules(type)];
    if (rules === "identical") return [];
    const after = readOutputs(later);
    if (!after) return [UNREADABLE];
    return judgeOutputs(
      rules.filter(({ ratio }: OutputRule) => !ratio),
      after,
    ).map(withoutValues(true));
  }

  #scanOf(rules: readonly OutputRule[]): RuleScan {
    const known = this.#scans.get(rules) ?? new RuleScan(rules);
    this.#scans.set(rules, known);
    return known;
  }

  #rulesOf(type: string | null) {
    const { rules } = this.#section;
    return type !== null && Object.hasOwn(rules, type) ? rules[type] : undefined;
  }

  #noRules(type: string | null): DealFault {
    const { column } = this.#change;
    const fault = `${column}: expected a value with regression.rules, got ${type ?? "NULL"}`;
    return { field: column, fault, standalone: true };
  }

  #differences(after: Outputs, before: Outputs): OutputDifference[] {
    const judgeValue = (value: DifferingValue) => this.#judgeValue(value);
    return findDifferences(after, before, { sides: SIDES, ignored: this.#ignored, judgeValue });
  }

  #judgeValue({ pattern, judged, reference }: DifferingValue) {
    if (pattern.split(".").at(-1) === this.#change.column) return this.#judgeType(judged, reference);
    // A text that became a number is read in another way by everyone.
    const alike = (typeof judged === "string") === (typeof reference === "string");
    return alike && this.#costs.has(pattern) ? this.#judgeCost(textOf(judged), textOf(reference)) : undefined;
  }

  /** The old spelling has become what it means: that is the rollout, and no difference of the outputs. */
  #judgeType(now: unknown, before: unknown): null | undefined {
    const isType = typeof before === "string" || before === null;
    return isType && mapValue(this.#change, before) === now ? null : undefined;
  }

  #judgeCost(now: string, before: string) {
    const [a, b] = [readDecimal(now), readDecimal(before)];
    if (!a || !b) return { fault: "expected a decimal now and before, got another value" };
    const { percent } = this.#section.tolerance;
    // |a - b| ≤ |b| · percent / 100, by multiplication: nothing is rounded.
    if (a.minus(b).abs().times(100).lte(b.abs().times(percent))) return null;
    const expected = `expected within ${percent} % of the value before, got`;
    if (b.eq(0)) return { fault: `${expected} something of 0` };
    const times = showTimes(a, b);
    return { fault: `${expected} ${times} times`, times };
  }
}

const UNREADABLE: DealFault = {
  field: "output",
  fault: "output: expected JSON that names no field twice, now and before, got another",
  standalone: true,
};

function readOutputs({ json }: SnapshotCursor): Outputs | undefined {
  try {
    return parseExactly(json) as Outputs;
  } catch {
    return undefined;
  }
}
