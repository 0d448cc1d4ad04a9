import { printLines, type Verb } from "./verb.ts";

/** `rollout recover`: after a killed run, everything is ready for `up` again. Safe to run at any time. */
export const recoverVerb: Verb = {
  command: "recover",
  describe: "After a killed run: end what it left, clear its lock, say what will resume",
  example: ["rollout recover", "then: rollout up"],
  async run({ stack }) {
    const { recoverRun } = await import("./recover/recover-run.ts");
    printLines((await recoverRun(stack)).map((line) => `recover: ${line}`));
    return 0;
  },
};
