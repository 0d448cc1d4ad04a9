import { z } from "zod";

/** A program or package that the environment check asks for its version. Commands must be read-only. */
export const Dependency = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(100)
      .describe("As a person calls it, e.g. sqlalchemy: its name in the report."),
    command: z
      .array(z.string().max(1000))
      .min(1)
      .describe(
        "Program and arguments, run without a shell; exit code 0 means present. It must not change anything.",
      ),
    pattern: z
      .string()
      .refine(hasOneGroup, "a regular expression with one group that holds the version")
      .optional()
      .describe(
        "Regular expression that finds the version in the output; its one group is the version. " +
          "By default the first dotted number, if there is one; needed where `minimum` is set.",
      ),
    minimum: z
      .string()
      .regex(/^\d+(\.\d+){0,3}$/, "a version of digits and dots, e.g. 3.11")
      .optional()
      .describe("Lowest version that will do."),
  })
  .refine((dependency) => dependency.minimum === undefined || dependency.pattern !== undefined, {
    path: ["pattern"],
    message: "a pattern that finds the version, because minimum asks for one",
  });
export type Dependency = z.infer<typeof Dependency>;

function hasOneGroup(pattern: string): boolean {
  try {
    // An empty alternative always matches: the match then tells how many groups there are.
    return new RegExp(`${pattern}|`).exec("")?.length === 2;
  } catch {
    return false;
  }
}
