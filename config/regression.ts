import { z } from "zod";
import { Identifier } from "../postgres/migration/change.ts";
import { Field, TypeRules } from "./output-rule.ts";

/** Percent that costs may differ by without anybody having to say why. @see runbook 4.2 */
const TOLERANCE_PERCENT = "5";

const Reason = z.string().trim().min(1).max(500);

const Tolerance = z
  .strictObject({
    percent: z
      .string()
      .regex(/^\d{1,3}(\.\d{1,6})?$/, 'a quoted decimal such as "5"')
      .default(TOLERANCE_PERCENT)
      .describe("Percent of the cost before by which the cost after may be off, either way."),
    reason: Reason.optional().describe("Why it is another one than 5: needed then."),
  })
  .refine(({ percent, reason }) => Number(percent) === Number(TOLERANCE_PERCENT) || reason !== undefined, {
    path: ["reason"],
    message: `a reason for a tolerance other than ${TOLERANCE_PERCENT} %`,
  });

/** How the outputs of all deals may differ after the rollout from what they were before it. */
export const RegressionSection = z.strictObject({
  tolerance: Tolerance.prefault({}).describe("How far costs may be off where a type is `identical`."),
  costs: z
    .array(Field)
    .max(50)
    .default(["cost_total", "costs[].amount"])
    .describe(
      "Fields that are costs: decimals, compared by their value. All others are compared letter by letter.",
    ),
  ignore: z
    .array(z.strictObject({ field: Field, reason: Reason.describe("Why it says nothing.") }))
    .max(50)
    .default([])
    .describe("Fields that are not compared, such as the time of the analysis."),
  rules: TypeRules.describe(
    'For each value of change.allowed: "identical" to the output before (costs within the tolerance), or what has to hold after (a list of {field, includes | excludes | ratio}; the ratio is after / before).',
  ),
  createdColumn: Identifier.optional().describe(
    "Column with the time of a row's creation: a deal that only the later snapshot has must not be older than the earlier one.",
  ),
  maxChangedPercent: z.int().min(0).max(100).default(20).meta({
    unit: "%",
    description:
      "Share of deals that users may have edited in between: those are not compared, and where there are too many, little was.",
  }),
  accepted: z
    .array(
      z.strictObject({
        key: z.string().min(1).max(200).describe("The deal's key."),
        reason: Reason.describe("Why its difference is expected."),
      }),
    )
    .max(10_000)
    .default([])
    .describe("Deals whose differences were looked at and are right."),
});
export type RegressionSection = z.infer<typeof RegressionSection>;
