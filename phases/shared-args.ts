import type { RolloutConfig } from "../config/schema.ts";
import { StepError } from "../errors/step-error.ts";
import { guard } from "../steps/guard.ts";
import { row } from "./table.ts";

/** First row of every phase. */
export const opening = row(guard, {
  why: "Its undo takes back whatever is left of the phase, also what a broken run never told Pulumi of.",
  args: () => ({}),
});

/** How the writers are stopped is the migration's alone: to the other steps it is no change. */
export const changeArgs = ({ change, migration: { maintenance: _, ...migration } }: RolloutConfig) => ({
  change,
  migration,
});

/** The suite itself: which of its tests may be gone matters to phase 4 alone. */
export function suiteOf({ testSuite }: RolloutConfig) {
  if (!testSuite) return undefined;
  const { retired: _, ...program } = testSuite;
  return program;
}

/** The column that is rolled out: `public.deals.deal_type`. */
export const subjectOf = ({ change: { schema, table, column } }: RolloutConfig) =>
  `${schema}.${table}.${column}`;

/** A section that a phase needs. The configuration's own checks refuse one without it before anything is planned. */
export function needed<T>(section: T | undefined, key: string): T {
  if (section !== undefined) return section;
  throw new StepError(
    `config: expected ${key} for this phase, got none. Add it: docs/config.md describes it.`,
  );
}
