import { tellError } from "../errors/report-error.ts";
import type { Entry } from "../ledger/entries.ts";
import type { Step, StepDeps } from "./step.ts";

/**
 * What going back would do, before it is done: rows to restore, rows that users changed since, time. Newest step first.
 * A step that cannot be looked at is told as such: the gauge never stands in the way of the undo.
 */
export async function gaugeLines(
  entries: Entry[],
  deps: StepDeps,
  findStep: (kind: string) => Promise<Step>,
): Promise<string[]> {
  const newestFirst = entries.filter(({ state }) => state !== "undone").sort((a, b) => b.since - a.since);
  const lines: string[] = [];
  for (const entry of newestFirst) {
    try {
      const step = await findStep(entry.kind);
      const { undo } = await step.observe(step.spec.parse(entry.spec), deps);
      lines.push(...undo.map((line) => `${entry.step}: ${line}`));
    } catch (error) {
      lines.push(`${entry.step}: could not look: ${tellError(error)}`);
    }
  }
  return lines;
}
