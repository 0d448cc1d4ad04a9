import { z } from "zod";
import { Identifier } from "../postgres/migration/change.ts";
import { Argv } from "./argv.ts";
import { Inherit } from "./variable-name.ts";

const DealRequest = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z][a-z0-9_-]{0,39}$/, "lower-case letters, digits, - and _, at most 40")
      .describe("Name of the answer in the snapshot."),
    method: z
      .enum(["GET", "POST"])
      .default("GET")
      .describe("POST only where the application stores nothing by it."),
    path: z
      .string()
      .regex(/^\/\S*\{key\}\S*$/, "a path from / that holds {key}")
      .describe("Path below app.url; {key} = the deal's key."),
    storesNothing: z
      .boolean()
      .default(false)
      .describe("true says that this POST only computes: a snapshot must not change what it shows."),
  })
  .refine(({ method, storesNothing }) => method === "GET" || storesNothing, {
    path: ["storesNothing"],
    message: "true for a POST that only computes; one that stores would change the data",
  });
export type DealRequest = z.infer<typeof DealRequest>;

/** How the outputs of every deal are taken, before and after. */
export const OutputsSection = z.strictObject({
  requests: z
    .array(DealRequest)
    .min(1)
    .max(10)
    .default([
      { name: "analysis", method: "GET", path: "/api/v1/deals/{key}/analysis", storesNothing: false },
    ])
    .describe("What the application is asked for each deal."),
  command: Argv.optional().describe(
    'Instead of requests: a program that reads keys from the file {keys}, one a line, and prints {"key":…,"outputs":…} for each.',
  ),
  inherit: Inherit.describe(
    "Variables that the command gets from this program's environment: names only, for secrets.",
  ),
  tokenVariable: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, "an environment variable's name")
    .optional()
    .describe("Variable of this program's environment that holds a bearer token for the requests."),
  concurrency: z
    .int()
    .min(1)
    .max(64)
    .default(4)
    .meta({ unit: "requests", description: "Deals asked for at the same time." }),
  requestsPerSecond: z
    .int()
    .min(1)
    .max(100_000)
    .default(200)
    .meta({ unit: "requests/s", description: "Most requests a second, so that users notice nothing." }),
  timeoutSeconds: z
    .int()
    .min(1)
    .max(3600)
    .default(30)
    .meta({ unit: "s", description: "Longest wait for one answer, or one run of command." }),
  attempts: z.int().min(1).max(10).default(3).meta({
    unit: "attempts",
    description: "Tries of a request that meets 429, 502, 503, 504 or no answer.",
  }),
  maxAnswerKib: z.int().min(1).max(65_536).default(1024).meta({
    unit: "KiB",
    description: "Largest answer for one deal; a larger one is an error of that deal.",
  }),
  maxErrors: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(0)
    .meta({ unit: "deals", description: "Deals that may end in an error." }),
  resumeHours: z
    .int()
    .min(1)
    .max(168)
    .default(24)
    .meta({ unit: "h", description: "Age up to which a snapshot that broke off is gone on with." }),
  ignoredColumns: z
    .array(Identifier)
    .max(100)
    .default(["updated_at"])
    .describe(
      "Columns that say nothing of who edited a deal, such as those that triggers write: without them an edited row is told from one that is as it was.",
    ),
  compress: z.enum(["gzip", "none"]).default("gzip").describe("How the finished file is kept."),
});
export type OutputsSection = z.infer<typeof OutputsSection>;
