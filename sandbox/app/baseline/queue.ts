import type { Pool } from "pg";
import { analyse } from "./analysis.ts";
import type { DealStore } from "./deal-store.ts";
import { analysedAs } from "./deal-type.ts";
import type { Log } from "./log.ts";
import type { Settings } from "./settings.ts";

const NEXT = "SELECT id, deal_id FROM jobs WHERE state = 'queued' ORDER BY id LIMIT 1";
const CLOSE = "UPDATE jobs SET state = $2, finished_at = now() WHERE id = $1";

/** Runs the oldest queued analysis. False when there is none; then nothing was written. */
export async function runNextJob(
  store: DealStore & { pool: Pool },
  settings: Settings,
  log: Log,
): Promise<boolean> {
  const job = (await store.pool.query(NEXT)).rows[0];
  if (!job) return false;
  const deal = await store.find(job.deal_id);
  try {
    if (!deal) throw new Error("the deal is gone");
    await store.saveAnalysis(analyse(deal, settings), settings.release);
    await store.pool.query(CLOSE, [job.id, "done"]);
    const type = analysedAs(deal.deal_type, settings);
    log.info("analysis stored by worker", { deal_id: job.deal_id, deal_type: type, job: job.id });
  } catch (error) {
    log.error("cost calculation error", {
      deal_id: job.deal_id,
      job: job.id,
      error: (error as Error).message,
    });
    await store.pool.query(CLOSE, [job.id, "failed"]);
  }
  return true;
}
