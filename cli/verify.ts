import { printLines, type Verb } from "./verb.ts";

/** `rollout verify`: the evidence chain is whole, and ledger and reality agree. Exit code 1 when not. */
export const verifyVerb: Verb = {
  command: "verify",
  describe: "Check that the evidence chain is whole and agrees with reality",
  example: ["rollout verify", "exit code 1 and one line for each difference"],
  async run({ stack }) {
    const { verifyLedger } = await import("./verify/verify-ledger.ts");
    const differences = await verifyLedger(stack);
    printLines(differences.length > 0 ? differences : ["reality: as the ledger says"]);
    return differences.length > 0 ? 1 : 0;
  },
};
