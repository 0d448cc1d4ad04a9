import { printLines, type StackOption, type Verb } from "./verb.ts";

interface UninstallOptions extends StackOption {
  yes: boolean;
  "with-evidence": boolean;
  force: boolean;
  reason: string | undefined;
}

/** `rollout uninstall`: after destroy or finish, every trace of the program goes from the stack's target. */
export const uninstallVerb: Verb<UninstallOptions> = {
  command: "uninstall",
  describe: "After destroy or finish: remove every trace from database and hosts",
  example: ["rollout uninstall", "what would go, then a question"],
  builder: (yargs) =>
    yargs
      .option("yes", { type: "boolean", default: false, describe: "Do not ask for the stack's name" })
      .option("with-evidence", {
        type: "boolean",
        default: false,
        describe: "Also evidence, reports, archives and backups",
      })
      .option("force", {
        type: "boolean",
        default: false,
        describe: "Although something is deployed, or cannot be reached",
      })
      .option("reason", { type: "string", describe: "Why, for the evidence (--force needs it)" }),
  async run({ stack, yes, "with-evidence": withEvidence, force, reason = "" }) {
    const { openClosing } = await import("./closing/open-closing.ts");
    const { uninstallStack } = await import("./closing/uninstall-stack.ts");
    const closing = await openClosing("uninstall", stack, { yes });
    const done = await uninstallStack(closing, { withEvidence, force, reason: reason.trim() });
    printLines(done.map((line) => `uninstall: ${line}`));
    return 0;
  },
};
