import { EXPLAINED, type Finding, type FindingClass, REGRESSIONS } from "./regression-finding.ts";
import type { RegressionTally } from "./regression-tally.ts";

const show = (count: number) => count.toLocaleString("en-US");

/** `deal 7 (carveout): cost_total: expected … got …`, the first of its faults. */
function describeFinding({ key, type, class: what, faults }: Finding): string {
  const said = faults[0]?.fault ?? (REGRESSIONS as Record<string, string>)[what] ?? what;
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : "";
  return `deal ${key} (${type ?? "NULL"}) ${what}: ${said}${more}`;
}

function classLines(tally: RegressionTally, meanings: Record<string, string>): string[] {
  return Object.entries(meanings).flatMap(([name, meaning]) => {
    const count = tally.classes[name as FindingClass];
    return count > 0 ? [`  ${show(count).padStart(9)} ${name}: ${meaning}`] : [];
  });
}

/** What a person reads at once: how many of which kind and type, then the worst. */
export function summarise(tally: RegressionTally): string[] {
  const { compared, exact, regressions, byType } = tally;
  const types = Object.entries(byType).map(
    ([type, counts]) => `${type} ${show(counts.regressions)} of ${show(counts.compared)}`,
  );
  return [
    `${show(compared)} deals compared: ${show(exact)} exactly as before, ${show(compared - exact)} otherwise`,
    `  regressions: ${show(regressions)}${types.length > 0 ? ` (${types.join(", ")})` : ""}`,
    ...classLines(tally, REGRESSIONS),
    ...classLines(tally, EXPLAINED),
    ...tally.worst.map((found) => `  - ${describeFinding(found)}`),
  ];
}
