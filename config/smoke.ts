import { z } from "zod";
import { Argv, RunFolder } from "./argv.ts";
import { Inherit } from "./variable-name.ts";

/** A short trial of the running application, as a user would do it. */
export const SmokeSection = z.strictObject({
  command: Argv.describe(
    "Program and arguments, run without a shell. {app} = app.url, {release} = commit that is expected to run. It removes what it creates.",
  ),
  cwd: RunFolder.default(".").describe(
    "Folder to run in; a relative path starts at the project's root. {release} as in command.",
  ),
  timeoutSeconds: z
    .int()
    .min(1)
    .max(3600)
    .default(120)
    .meta({ unit: "s", description: "Time after which a run counts as hung and is ended." }),
  inherit: Inherit.describe(
    "Variables that the command gets from this program's environment: names only, for secrets.",
  ),
});
export type SmokeSection = z.infer<typeof SmokeSection>;
