import { printLines, type StackOption, type Verb } from "./verb.ts";

interface FinishOptions extends StackOption {
  yes: boolean;
  "without-audit": boolean;
  reason: string | undefined;
}

/** `rollout finish`: after the audit, what only the way back needs is dropped, and the data stays for good. */
export const finishVerb: Verb<FinishOptions> = {
  command: "finish",
  describe: "Close the book after the audit: drop journal, tracker and old releases; the data stays",
  example: ["rollout finish", "what would go, then a question"],
  builder: (yargs) =>
    yargs
      .option("yes", { type: "boolean", default: false, describe: "Do not ask for the stack's name" })
      .option("without-audit", { type: "boolean", default: false, describe: "Also without a green audit" })
      .option("reason", { type: "string", describe: "Why, for the evidence (--without-audit needs it)" }),
  async run({ stack, yes, "without-audit": withoutAudit, reason = "" }) {
    const { openClosing } = await import("./closing/open-closing.ts");
    const { finishStack } = await import("./closing/finish-stack.ts");
    const closing = await openClosing("finish", stack, { yes });
    const done = await finishStack(closing, { withoutAudit, reason: reason.trim() });
    printLines(done.map((line) => `finish: ${line}`));
    return 0;
  },
};
