import { wasInTheWay } from "../lock-retry.ts";
import { inDiscardedTransaction } from "../transaction.ts";
import { readLeftover } from "./backfill.ts";
import { changeRows, sweepStatement } from "./backfill-batch.ts";
import { batchSettings } from "./batch-settings.ts";
import { changeTables } from "./change-record.ts";
import type { TableWork } from "./expand.ts";
import { readSideColumns } from "./side-columns.ts";

/** Rows that the trial changes for a moment. */
const ROWS_TRIED = 100;

/**
 * Changes some rows as the backfill will and takes it back: so that a trigger which fails, or writes to other tables,
 * is found before anything of ours is on the table. A row that somebody has locked is no finding.
 * @throws {StepError} naming what the triggers wrote.
 */
export async function tryTriggers(work: TableWork, keyType: string): Promise<void> {
  const { client, change, lease, appTriggers } = work;
  if (appTriggers !== "fire") return;
  const sides = await readSideColumns(client, change);
  const text = sweepStatement(change, { keyType, sides });
  const keys = await readLeftover(client, change, ROWS_TRIED);
  try {
    await inDiscardedTransaction(client, { lease, settings: batchSettings(work) }, async () => {
      // The journal may not be there yet: it comes and goes with the trial.
      await client.query(changeTables(keyType));
      await changeRows(client, work, { step: "expand", text, values: [keys] });
    });
  } catch (error) {
    if (!wasInTheWay(error)) throw error;
  }
}
