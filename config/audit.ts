import { z } from "zod";
import { Argv } from "./argv.ts";
import { Decimal, Field } from "./output-rule.ts";
import { Inherit } from "./variable-name.ts";

/** How many tickets came in. @see runbook 4.7 */
const Tickets = z.strictObject({
  command: Argv.optional().describe(
    "Prints the number of tickets about the change in the past week, without a shell. Without it: `rollout audit --tickets <number>`.",
  ),
  inherit: Inherit.describe(
    "Variables that it gets from this program's environment: names only, for secrets.",
  ),
  timeoutSeconds: z
    .int()
    .min(1)
    .max(3600)
    .default(60)
    .meta({ unit: "s", description: "Longest run of command." }),
  fewerThan: z
    .int()
    .min(1)
    .max(100_000)
    .default(5)
    .meta({ unit: "tickets/week", description: "As many are too many." }),
});

/** What a carveout may cost of what the same deal cost before the application knew of types. */
const Carveouts = z
  .strictObject({
    type: z.string().min(1).max(200).default("carveout").describe("Value of the change's column."),
    field: Field.default("cost_total").describe("The cost, a decimal, in the output of a deal."),
    min: Decimal.default("1.5").describe("Lowest number of times, included."),
    max: Decimal.default("3").describe("Highest number of times, included."),
    outsidePercent: z.int().min(0).max(50).default(5).meta({
      unit: "%",
      description: "Share of the compared deals that may be outside: users edit deals meanwhile.",
    }),
  })
  .refine(({ min, max }) => Number(min) <= Number(max), {
    path: ["max"],
    message: "a max that is not below min",
  });

/** The audit some weeks after phase 4. */
export const AuditSection = z.strictObject({
  afterDays: z
    .int()
    .min(1)
    .max(365)
    .default(30)
    .meta({ unit: "days", description: "After the end of phase 4; an earlier audit does not count." }),
  at: z
    .string()
    .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a quoted time of day such as "06:00"')
    .default("06:00")
    .describe("Time of day, UTC, at which the machine runs it."),
  install: z
    .boolean()
    .default(true)
    .describe(
      "A timer of systemd, or a cron line, on the machine that runs `up`. false: what to install is only said.",
    ),
  environmentFile: z
    .string()
    .regex(/^\/\S+$/, "an absolute path")
    .optional()
    .describe("File of KEY=value lines that the timer's process gets: for Pulumi's passphrase or token."),
  sample: z
    .int()
    .min(1)
    .max(100_000)
    .default(300)
    .meta({ unit: "deals", description: "Deals whose costs are looked at, of every type." }),
  carveouts: Carveouts.prefault({}).describe("Costs of carveouts against what the same deals cost before."),
  tsa: z
    .strictObject({
      field: Field.default("costs[].kind").describe("What names the kind of a cost."),
      value: z.string().min(1).max(200).default("tsa").describe("The kind that carveouts alone have."),
    })
    .prefault({})
    .describe("Costs of transitional services."),
  tickets: Tickets.prefault({}).describe("Support tickets about the change."),
});
export type AuditSection = z.infer<typeof AuditSection>;
