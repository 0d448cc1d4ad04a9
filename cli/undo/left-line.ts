import { Chain } from "../../ledger/chain.ts";
import { countLeft, leftCommands, leftOf } from "../../ledger/left.ts";
import { stackEvidence } from "../stack-evidence.ts";

/**
 * What undos have left, in the one line that ends a run; undefined where nothing is. Read-only, and silent where it
 * can't be told: each undo has said it itself.
 */
export function leftLine(stack: string): string | undefined {
  try {
    return describeAll(Chain.open(stackEvidence(stack)), stack);
  } catch {
    return undefined;
  }
}

/** Pure. */
export function describeAll({ records }: Pick<Chain, "records">, stack: string): string | undefined {
  const left = leftOf(records);
  if (left.length === 0) return undefined;
  const count = countLeft(left).toLocaleString("en-US");
  return `LEFT: everything else is back, but ${count} ${count === "1" ? "thing is" : "things are"} as before the undo, named above. ${leftCommands(stack)}`;
}
