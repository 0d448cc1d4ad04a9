import { z } from "zod";
import { Argv, RunFolder } from "./argv.ts";
import { TypeRules } from "./output-rule.ts";
import { Inherit, VariableName } from "./variable-name.ts";

/** How the new release is tried beside the running one before anyone sees it. */
export const ShadowSection = z.strictObject({
  command: Argv.describe(
    "Starts the application in the foreground, on the loopback address and {port}, without a shell. {release} = commit, {flag} = true or false, {envFile}, {appDir} = the first host's, {scratch} = a folder that goes with the run.",
  ),
  cwd: RunFolder.default("{appDir}/releases/{release}").describe(
    "Folder to run in, placeholders as in command.",
  ),
  timeoutSeconds: z
    .int()
    .min(1)
    .max(3600)
    .default(60)
    .meta({ unit: "s", description: "Time in which it has to answer at /health." }),
  sample: z.int().min(1).max(100_000).default(300).meta({
    unit: "deals",
    description: "Deals that are compared: the same at every run, and of every type that the table holds.",
  }),
  inherit: Inherit.describe(
    "Variables that it gets from this program's environment beside those of envFile.",
  ),
  scratchVariables: z
    .array(VariableName)
    .max(50)
    .default([])
    .describe(
      "Variables that name where the application writes, such as LOG_DIR: each instance gets a folder of its own for them (a file in one where the variable names a file) that goes with the run. HOME, TMPDIR and XDG_… are such by default.",
    ),
  rules: TypeRules.describe(
    'For each value of change.allowed: "identical", or what has to hold with the flag on (a list of {field, includes | excludes | ratio}).',
  ),
});
export type ShadowSection = z.infer<typeof ShadowSection>;
