import { z } from "zod";

/**
 * A PostgreSQL identifier as the configuration may name it: lower-case letters, digits, underscore, at most
 * 63 bytes (NAMEDATALEN - 1). Stricter than PostgreSQL on purpose: quoting is done as well, never instead.
 */
export const Identifier = z
  .string()
  .regex(/^[a-z_][a-z0-9_]{0,62}$/, "lower-case letters, digits and underscore, at most 63 characters");

const Value = z.string().min(1).max(200);

/** The enumerated column that is rolled out, as data. */
export const Change = z
  .strictObject({
    schema: Identifier.default("public").describe("Schema of the table."),
    table: Identifier.describe("Table whose column is rolled out."),
    column: Identifier.describe("The column."),
    key: Identifier.describe("Single-column primary key of the table."),
    allowed: z.array(Value).min(1).describe("The values that the CHECK constraint allows."),
    normalise: z
      .strictObject({
        whenNull: Value.optional().describe(
          "Value that replaces NULL. Without it, a NULL is an unmapped value.",
        ),
        spellings: z
          .record(z.string().max(200), Value)
          .default({})
          .describe("Old spelling → allowed value, letter by letter: blanks and case count."),
      })
      .describe("How old values become allowed ones. What no rule maps stops phase 1 before any change."),
    constraint: Identifier.describe("Name of the CHECK constraint."),
    versionTable: z
      .string()
      .regex(
        /^[a-z_][a-z0-9_]{0,62}\.[a-z_][a-z0-9_]{0,62}$/,
        "schema.table, each as a PostgreSQL identifier",
      )
      .optional()
      .describe(
        "Table in which Alembic keeps its revision. Found by itself, in whatever schema, unless there are several.",
      ),
  })
  .superRefine((change, context) => {
    const targets: [string, string | undefined][] = [
      ["whenNull", change.normalise.whenNull],
      ...Object.entries(change.normalise.spellings),
    ];
    for (const [from, to] of targets) {
      if (to !== undefined && !change.allowed.includes(to)) {
        context.addIssue({
          code: "custom",
          path: from === "whenNull" ? ["normalise", from] : ["normalise", "spellings", from],
          input: to,
          message: `expected one of change.allowed (${change.allowed.join(", ")})`,
        });
      }
    }
    for (const spelling of Object.keys(change.normalise.spellings)) {
      if (change.allowed.includes(spelling)) {
        context.addIssue({
          code: "custom",
          path: ["normalise", "spellings", spelling],
          input: spelling,
          message: "expected an old spelling, not a value that change.allowed lists",
        });
      }
    }
  });
export type Change = z.infer<typeof Change>;
