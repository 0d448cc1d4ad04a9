import { type Analysis, analyse } from "./analysis.ts";
import { type Deal, type DealFields, RequestError } from "./deal.ts";
import type { DealStore } from "./deal-store.ts";
import { analysedAs } from "./deal-type.ts";
import type { Log } from "./log.ts";
import type { Settings } from "./settings.ts";

export interface Parts {
  store: DealStore;
  settings: Settings;
  log: Log;
}

/** What API and pages do with deals: done and logged the same way, whichever a request came by. */
export async function createDeal({ store, log }: Parts, fields: DealFields): Promise<Deal> {
  const deal = await store.create(fields);
  log.info("deal created", { deal_id: deal.id, deal_type: deal.deal_type });
  return deal;
}

export async function editDeal({ store, log }: Parts, id: string, fields: DealFields): Promise<Deal> {
  const deal = await store.edit(id, fields);
  if (!deal) throw unknownDeal(id);
  log.info("deal edited", { deal_id: id, deal_type: deal.deal_type });
  return deal;
}

export async function findDeal({ store }: Parts, id: string): Promise<Deal> {
  const deal = await store.find(id);
  if (!deal) throw unknownDeal(id);
  return deal;
}

/** The analysis as of now, stored nowhere. */
export async function analyseDeal(parts: Parts, id: string): Promise<{ deal: Deal; analysis: Analysis }> {
  const { settings, log } = parts;
  const deal = await findDeal(parts, id);
  log.info("deal analysed", { deal_id: id, deal_type: analysedAs(deal.deal_type, settings) });
  return { deal, analysis: analyse(deal, settings) };
}

export function unknownDeal(id: string): RequestError {
  return new RequestError(404, "not_found", `no deal ${id}`);
}
