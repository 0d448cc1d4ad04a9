import { z } from "zod";

/** Where in an output a value is. */
export const Field = z
  .string()
  .regex(
    /^[A-Za-z_][\w-]{0,99}(\[\])?(\.[A-Za-z_][\w-]{0,99}(\[\])?){0,9}$/,
    "a dotted path such as cost_total or costs[].kind",
  )
  .describe("Dotted path in the output; `[]` stands for each element of a list.");

/** Decimals are texts: 1.15 is none in binary. */
export const Decimal = z.string().regex(/^\d{1,9}(\.\d{1,9})?$/, 'a quoted decimal such as "1.15"');

const Content = {
  field: Field,
  includes: z.string().min(1).max(200).optional().describe("A value that has to be among them."),
  excludes: z.string().min(1).max(200).optional().describe("A value that must not be among them."),
};

/** A rule about what one output says. */
export const ContentRule = z
  .strictObject(Content)
  .refine((rule) => countSet(rule.includes, rule.excludes) === 1, "one of includes and excludes");
export type ContentRule = z.infer<typeof ContentRule>;

/** A rule about an output, or about what becomes of the one that it is measured by. */
export const OutputRule = z
  .strictObject({
    ...Content,
    request: z.string().optional().describe("Name in outputs.requests; the first one by default."),
    ratio: z
      .strictObject({ min: Decimal, max: Decimal })
      .optional()
      .describe("Bounds, both included, of the judged value divided by that with the flag off, or before."),
  })
  .refine(
    (rule) => countSet(rule.includes, rule.excludes, rule.ratio) === 1,
    "one of includes, excludes and ratio",
  )
  .refine(({ ratio }) => !ratio || Number(ratio.min) <= Number(ratio.max), {
    path: ["ratio"],
    message: "a min that is not above max",
  });
export type OutputRule = z.infer<typeof OutputRule>;

/** Rules for each value of the change's column. */
export const TypeRules = z.record(
  z.string().max(200),
  z.union([z.literal("identical"), z.array(OutputRule).min(1).max(50)]).describe("How outputs may differ."),
);
export type TypeRules = z.infer<typeof TypeRules>;

const countSet = (...values: unknown[]) => values.filter((value) => value !== undefined).length;
