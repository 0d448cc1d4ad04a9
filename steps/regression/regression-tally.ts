import {
  EXPLAINED,
  type Finding,
  type FindingClass,
  isRegression,
  REGRESSIONS,
  severityOf,
} from "./regression-finding.ts";

/** Regressions that a result and a message name; the file has all of them. */
const WORST = 20;

export type ClassCounts = Record<FindingClass, number>;

const noCounts = () =>
  Object.fromEntries(
    [...Object.keys(REGRESSIONS), ...Object.keys(EXPLAINED)].map((name) => [name, 0]),
  ) as ClassCounts;

/** What a comparison comes to, however many deals there are. */
export class RegressionTally {
  /** Deals that both snapshots have answers of. */
  compared = 0;
  /** Of these: nothing differs but how the type is spelled. */
  exact = 0;
  readonly classes = noCounts();
  /** Compared deals and regressions of each type. */
  readonly byType: Record<string, { compared: number; regressions: number }> = {};
  #worst: { found: Finding; severity: number }[] = [];

  compare(type: string | null, exact: boolean): void {
    this.compared += 1;
    if (exact) this.exact += 1;
    this.#ofType(type).compared += 1;
  }

  add(found: Finding): void {
    this.classes[found.class] += 1;
    if (!isRegression(found)) return;
    this.#ofType(found.type).regressions += 1;
    const severity = severityOf(found);
    if (this.#worst.length === WORST && severity <= (this.#worst.at(-1)?.severity ?? 0)) return;
    this.#worst.push({ found, severity });
    // Equal ones stay in the order of their keys.
    this.#worst = this.#worst
      .sort((a, b) => (a.severity === b.severity ? 0 : b.severity - a.severity))
      .slice(0, WORST);
  }

  count(what: FindingClass): void {
    this.classes[what] += 1;
  }

  get regressions(): number {
    return (Object.keys(REGRESSIONS) as FindingClass[]).reduce((sum, name) => sum + this.classes[name], 0);
  }

  /** Worst first. */
  get worst(): Finding[] {
    return this.#worst.map(({ found }) => found);
  }

  #ofType(type: string | null) {
    const name = type ?? "NULL";
    this.byType[name] ??= { compared: 0, regressions: 0 };
    return this.byType[name];
  }
}
