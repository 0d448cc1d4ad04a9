import type { Pool } from "pg";
import { analyse } from "./analysis.ts";
import type { DealStore } from "./deal-store.ts";
import { analysedAs } from "./deal-type.ts";
import type { Log } from "./log.ts";
import type { Settings } from "./settings.ts";

const NEXT = "SELECT id, deal_id FROM jobs WHERE state = 'queued' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED";
const CLOSE = "UPDATE jobs SET state = $2, finished_at = now() WHERE id = $1";

type Store = DealStore & { pool: Pool };

/** Runs the oldest queued analysis that no other worker runs. False when there is none; then nothing was written. */
export async function runNextJob(store: Store, settings: Settings, log: Log): Promise<boolean> {
  const client = await store.pool.connect();
  try {
    // The row stays locked while its job runs: other workers pass it by, and a worker that is killed gives it back.
    await client.query("BEGIN");
    const job = (await client.query(NEXT)).rows[0];
    if (job) await client.query(CLOSE, [job.id, await runJob(job, store, settings, log)]);
    await client.query("COMMIT");
    client.release();
    return job !== undefined;
  } catch (error) {
    client.release(true);
    throw error;
  }
}

async function runJob(
  job: { id: string; deal_id: string },
  store: Store,
  settings: Settings,
  log: Log,
): Promise<"done" | "failed"> {
  const fields = { deal_id: job.deal_id, job: job.id };
  try {
    const deal = await store.find(job.deal_id);
    if (!deal) throw new Error("the deal is gone");
    await store.saveAnalysis(analyse(deal, settings), settings.release);
    log.info("analysis stored by worker", { ...fields, deal_type: analysedAs(deal.deal_type, settings) });
    return "done";
  } catch (error) {
    log.error("cost calculation error", { ...fields, error: (error as Error).message });
    return "failed";
  }
}
