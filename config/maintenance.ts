import { z } from "zod";
import { Argv, RunFolder } from "./argv.ts";
import { Inherit, VariableName } from "./variable-name.ts";

/** The application's own way of making the change, e.g. `flask db upgrade`. */
const Upgrade = z.strictObject({
  command: Argv.describe(
    "Program and arguments, run without a shell: the application's own migration, e.g. flask db upgrade. {release} = commit that runs now.",
  ),
  cwd: RunFolder.default(".").describe(
    "Folder to run in; a relative path starts at the project's root. {release} as in command.",
  ),
  variable: VariableName.optional().describe(
    "Variable that hands databaseUrl to the command. Without it the command finds the database by itself.",
  ),
  timeoutSeconds: z
    .int()
    .min(1)
    .max(86_400)
    .default(1800)
    .meta({ unit: "s", description: "Time after which the command counts as hung and is ended." }),
});

/** How the application is stopped for the change, and started again. */
export const MaintenanceSection = z.strictObject({
  stop: Argv.describe(
    "Program and arguments that stop every writer of the table: services, workers, schedulers, poolers. Run without a shell; it may find them stopped. {release} = commit that runs now.",
  ),
  start: Argv.describe(
    "Program and arguments that start them again, by a supervisor such as systemd; it may find them running.",
  ),
  timeoutSeconds: z.int().min(1).max(3600).default(60).meta({
    unit: "s",
    description:
      "Longest time that stopping takes, until the last session of a writer is gone; and that starting takes, until every service is healthy.",
  }),
  flagFile: z
    .string()
    .regex(/^\/[^\0\n]*$/, "an absolute path")
    .optional()
    .describe("File that is there while the writers are stopped, for the load balancer or the application."),
  inherit: Inherit.describe(
    "Variables that the commands get from this program's environment: names only, for secrets.",
  ),
  upgrade: Upgrade.optional().describe(
    "The application's own migration, instead of the one transaction: see docs/maintenance.md.",
  ),
});
export type MaintenanceSection = z.infer<typeof MaintenanceSection>;
