import { printLines, type StackOption, type Verb } from "./verb.ts";

interface RecoverOptions extends StackOption {
  without: string | undefined;
  reason: string | undefined;
}

/** `rollout recover`: after a killed run, everything is ready for `up` again. Safe to run at any time. */
export const recoverVerb: Verb<RecoverOptions> = {
  command: "recover",
  describe: "After a killed run: end what it left, clear its lock, say what will resume",
  example: ["rollout recover", "then: rollout up"],
  builder: (yargs) =>
    yargs
      .option("without", {
        type: "string",
        describe: "A host that is gone for good: going back does not wait for it",
      })
      .option("reason", { type: "string", describe: "Why, for the evidence (--without needs it)" }),
  async run({ stack, without, reason = "" }) {
    const { recoverRun } = await import("./recover/recover-run.ts");
    const abandoned = without === undefined ? undefined : { host: without, reason };
    printLines((await recoverRun(stack, abandoned)).map((line) => `recover: ${line}`));
    return 0;
  },
};
