import type { Argv } from "yargs";
import { printLines, type StackOption, type Verb } from "./verb.ts";

interface BackupsOptions extends StackOption {
  action: "list" | "erase";
  name?: string | undefined;
  yes: boolean;
}

function addOptions(yargs: Argv<StackOption>): Argv<BackupsOptions> {
  return yargs
    .positional("action", {
      choices: ["list", "erase"] as const,
      demandOption: true,
      describe: "newest first, with proof and need · remove one for good, with a record in the evidence",
    })
    .positional("name", { type: "string", describe: "erase: name of the backup, as list shows it" })
    .option("yes", { type: "boolean", default: false, describe: "erase: also one that is needed" })
    .example([["$ rollout backups erase backup-20260102T030405Z-1a2b3c4d5e6f7081", "personal data goes"]]);
}

/** `rollout backups …`: what is kept, and the erasure of one of them. */
export const backupsVerb: Verb<BackupsOptions> = {
  command: "backups <action> [name]",
  describe: "List the stack's backups, or erase one for good",
  example: ["rollout backups list", "moment, size, proof, what needs it"],
  builder: addOptions,
  async run({ stack, action, name, yes }) {
    const { eraseByName, listLines, readStore } = await import("./backup/backup-store.ts");
    const store = await readStore(stack);
    printLines(action === "list" ? await listLines(store) : [await eraseByName(store, name, { yes })]);
    return 0;
  },
};
