import { z } from "zod";
import { Argv } from "./argv.ts";
import { ContentRule } from "./output-rule.ts";

const Path = z.string().regex(/^\/\S*$/, "a path from /");
const KeyPath = z.string().regex(/^\/\S*\{key\}\S*$/, "a path from / that holds {key}");
const FieldName = z.string().regex(/^[A-Za-z_]\w{0,99}$/, "a field's name");

/** What phase 2 tries through the application's API once the flag is on. */
export const SmokeTestSection = z.strictObject({
  create: z
    .strictObject({
      path: Path.describe("Address that a deal is posted to."),
      body: z.record(z.string(), z.unknown()).describe("Fields of a test deal beside its type and marker."),
    })
    .describe("How a deal is created."),
  analyse: z
    .strictObject({
      method: z.enum(["GET", "POST"]).default("POST").describe("Method of the analysis."),
      path: KeyPath.describe("Address of the analysis; {key} = the deal's key."),
    })
    .describe("How a deal is analysed."),
  remove: z
    .strictObject({
      path: KeyPath.optional().describe("Address that a deal is deleted at; {key} = the deal's key."),
      command: Argv.optional().describe(
        "Program and arguments, run without a shell, that removes a deal; {key}, {marker} = the deal's. For an application without such an address.",
      ),
      sql: z
        .array(
          z
            .string()
            .min(1)
            .max(4000)
            .regex(/(?<!:):key\b/, "a statement that holds :key"),
        )
        .max(20)
        .optional()
        .describe(
          "Statements that remove what hangs on a deal; :key, :marker = the deal's; tables with their schema. The deal's own row follows in the same transaction.",
        ),
    })
    .refine(({ path, command, sql }) => path ?? command ?? sql, "one of path, command and sql")
    .describe("How a deal is removed. What is left afterwards is deleted in the database by key and marker."),
  keyField: FieldName.default("id").describe("Field of the answer that holds the new deal's key."),
  typeField: FieldName.default("deal_type").describe("Field of the request that holds the type."),
  marker: z
    .strictObject({
      field: FieldName.default("name").describe(
        "Field of the request, and column of the table, that marks a test deal.",
      ),
      prefix: z
        .string()
        .min(8)
        .max(60)
        .describe("How the marker begins; 16 random hex digits follow. No real deal's does."),
    })
    .describe("How a test deal is told from a real one, also after a crash."),
  cases: z
    .array(
      z.strictObject({
        type: z.string().min(1).max(200).describe("Value of the change's column."),
        rules: z.array(ContentRule).min(1).max(50).describe("What its analysis has to say."),
      }),
    )
    .min(1)
    .max(20)
    .describe("Deals that are tried."),
  invalidType: z
    .string()
    .min(1)
    .max(200)
    .default("not-a-deal-type")
    .describe("A type that the application has to refuse with a status from 400 to 499."),
  tokenVariable: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, "an environment variable's name")
    .optional()
    .describe("Variable of this program's environment that holds a bearer token for the requests."),
});
export type SmokeTestSection = z.infer<typeof SmokeTestSection>;
