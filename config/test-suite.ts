import { z } from "zod";
import { Argv, RunFolder } from "./argv.ts";
import { Inherit, VariableName } from "./variable-name.ts";

/** The application's own test suite: how it is run, and what a whole run of it looks like. */
export const SuiteProgram = z.strictObject({
  command: Argv.describe(
    "Program and arguments, run without a shell. {report} = file that it writes JUnit XML to (else it prints it), {release} = commit under test.",
  ),
  cwd: RunFolder.default(".").describe(
    "Folder to run in; a relative path starts at the project's root. {release} = commit under test.",
  ),
  format: z
    .enum(["junit", "pytest"])
    .default("junit")
    .describe("junit: JUnit XML, which most runners can write. pytest: what `pytest -v` prints."),
  expected: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .meta({ unit: "tests", description: "Tests that have to run, skipped ones not counted." }),
  timeoutSeconds: z
    .int()
    .min(1)
    .max(86_400)
    .default(3600)
    .meta({ unit: "s", description: "Time after which a run counts as hung and is ended." }),
  knownFailures: z
    .string()
    .min(1)
    .max(1000)
    .optional()
    .describe("YAML or JSON file: a list of {test, reason, date, expires?}. These may fail, no others."),
  rerun: z
    .strictObject({
      command: Argv.describe(
        "As command, for the failed tests alone. {tests} = one argument for each, {names} = one regular expression.",
      ),
      times: z.int().min(1).max(10).default(2).meta({
        unit: "runs",
        description: "Runs that a failed test gets to pass; then it counts as flaky.",
      }),
    })
    .optional()
    .describe("How failed tests are run again to tell flaky ones from broken ones."),
  onCopy: z
    .strictObject({
      command: Argv.describe("As command: the tests that need a database, for the rehearsal of phase 1."),
      variable: VariableName.default("DATABASE_URL").describe(
        "Variable that hands them the copy's connection string.",
      ),
      expected: z
        .int()
        .min(1)
        .max(1_000_000)
        .optional()
        .meta({ unit: "tests", description: "Tests that have to run there, skipped ones not counted." }),
    })
    .optional()
    .describe("How the tests are run against the restored copy: see docs/rehearsal.md."),
  environment: z
    .record(VariableName, z.string().max(4000))
    .default({})
    .describe("Variables of the suite beside PATH and HOME. No secrets: evidence and state keep them."),
  inherit: Inherit.describe(
    "Variables that the suite gets from this program's environment: names only, for secrets.",
  ),
});
export type SuiteProgram = z.infer<typeof SuiteProgram>;

/** The suite, and how a later release's may differ from it. */
export const TestSuiteSection = SuiteProgram.extend({
  retired: z
    .array(
      z.strictObject({
        test: z.string().min(1).max(1000).describe("The test's name as the baseline has it."),
        reason: z.string().min(1).max(500).describe("Why a later release has it no more."),
      }),
    )
    .default([])
    .describe(
      "Tests of the baseline that the permanent release no longer has; any other that is gone stops phase 4.",
    ),
});
export type TestSuiteSection = z.infer<typeof TestSuiteSection>;
