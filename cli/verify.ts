import type { Argv } from "yargs";
import { printLines, type StackOption, type Verb } from "./verb.ts";

interface VerifyOptions extends StackOption {
  archive: string | undefined;
}

function addOptions(yargs: Argv<StackOption>): Argv<VerifyOptions> {
  return yargs
    .positional("archive", {
      type: "string",
      describe: "an archive of phase 4 instead of the stack: needs no stack, config or database",
    })
    .example([["$ rollout verify copy-of.tar.zst", "every file, the chain, recorded numbers once more"]]);
}

/**
 * `rollout verify`: the evidence chain is whole, and ledger and reality agree; or an archive is what it was. Exit code 1
 * when not.
 */
export const verifyVerb: Verb<VerifyOptions> = {
  command: "verify [archive]",
  describe:
    "Check that the evidence chain is whole and agrees with reality, or that an archive is what it was",
  example: ["rollout verify", "exit code 1 and one line for each difference"],
  builder: addOptions,
  async run({ stack, archive }) {
    if (archive !== undefined) {
      const { verifyFile } = await import("./verify/verify-file.ts");
      return verifyFile(archive);
    }
    const { verifyLedger } = await import("./verify/verify-ledger.ts");
    const differences = await verifyLedger(stack);
    printLines(differences.length > 0 ? differences : ["reality: as the ledger says"]);
    return differences.length > 0 ? 1 : 0;
  },
};
