import type { IncomingMessage, RequestListener } from "node:http";
import { analyse } from "./analysis.ts";
import { type Deal, invalid, parseFields, RequestError } from "./deal.ts";
import type { DealStore } from "./deal-store.ts";
import { analysedAs, defaultDealType, readDealType } from "./deal-type.ts";
import { readHealth } from "./health.ts";
import { type Answer, answerError, readJson, send } from "./http.ts";
import type { Log } from "./log.ts";
import { renderPage } from "./pages.ts";
import type { Settings } from "./settings.ts";

export interface Parts {
  store: DealStore;
  settings: Settings;
  log: Log;
}

/** The app as a request listener. */
export function createRouter(parts: Parts): RequestListener {
  return (request, response) => {
    const url = new URL(request.url ?? "/", "http://app");
    route(parts, request, url)
      .catch((error) => answerError(error, parts.log, url.pathname))
      .then((answer) => send(request, response, answer));
  };
}

async function route(parts: Parts, request: IncomingMessage, url: URL): Promise<Answer> {
  const method = request.method === "HEAD" ? "GET" : request.method;
  if (url.pathname === "/health" && method === "GET")
    return { status: 200, body: await readHealth(parts.settings, () => parts.store.ping()) };
  const [, id, analysis] = /^\/api\/v1\/deals(?:\/(\d{1,18})(\/analysis)?)?$/.exec(url.pathname) ?? [
    undefined,
  ];
  if (url.pathname === "/api/v1/deals") {
    if (method === "GET") return listDeals(parts, url);
    if (method === "POST") return createDeal(parts, await readJson(request));
  } else if (id !== undefined) {
    const handler = (analysis ? ANALYSIS : DEAL)[method ?? ""];
    if (handler) return handler(parts, id, request, url);
  } else {
    const html = method === "GET" ? await renderPage(url.pathname, parts) : undefined;
    if (html !== undefined) return { status: 200, html };
    throw new RequestError(404, "not_found", `nothing at ${url.pathname}`);
  }
  throw new RequestError(405, "method_not_allowed", `${method} is not possible here`);
}

type Handler = (parts: Parts, id: string, request: IncomingMessage, url: URL) => Promise<Answer>;

const DEAL: Record<string, Handler> = {
  GET: async (parts, id) => ({ status: 200, body: await findDeal(parts, id) }),
  PATCH: async (parts, id, request) => editDeal(parts, id, await readJson(request)),
  DELETE: async ({ store, log }, id) => {
    if (!(await store.remove(id))) throw unknownDeal(id);
    log.info("deal deleted", { deal_id: id });
    return { status: 204 };
  },
};

const ANALYSIS: Record<string, Handler> = {
  GET: computeAnalysis,
  POST: async (parts, id, _request, url) =>
    url.searchParams.has("queue") ? queueAnalysis(parts, id) : storeAnalysis(parts, id),
};

async function listDeals({ store }: Parts, { searchParams }: URL): Promise<Answer> {
  const after = searchParams.get("after") ?? "0";
  const limit = Number(searchParams.get("limit") ?? "50");
  if (!/^\d{1,18}$/.test(after) || !Number.isInteger(limit) || limit < 1 || limit > 1000)
    throw new RequestError(422, "invalid_query", "expected after=<id> and limit=<1 to 1000>");
  return { status: 200, body: { deals: await store.list(after, limit) } };
}

async function createDeal({ store, settings, log }: Parts, body: Record<string, unknown>): Promise<Answer> {
  const fields = parseFields(body);
  if (!fields.name || !fields.target_name) throw invalid("name and target_name: expected both");
  const deal = await store.create({
    ...fields,
    deal_type: readDealType(body, settings) ?? defaultDealType(settings),
  });
  log.info("deal created", { deal_id: deal.id, deal_type: deal.deal_type });
  return { status: 201, body: deal };
}

async function editDeal(
  { store, settings, log }: Parts,
  id: string,
  body: Record<string, unknown>,
): Promise<Answer> {
  const type = readDealType(body, settings);
  const fields = { ...parseFields(body), ...(type !== undefined && { deal_type: type }) };
  if (Object.keys(fields).length === 0) throw invalid("expected at least one field");
  const deal = await store.edit(id, fields);
  if (!deal) throw unknownDeal(id);
  log.info("deal edited", { deal_id: id, deal_type: deal.deal_type });
  return { status: 200, body: deal };
}

async function computeAnalysis(parts: Parts, id: string): Promise<Answer> {
  const { settings, log } = parts;
  const deal = await findDeal(parts, id);
  log.info("deal analysed", { deal_id: id, deal_type: analysedAs(deal.deal_type, settings) });
  return { status: 200, body: analyse(deal, settings) };
}

async function storeAnalysis(parts: Parts, id: string): Promise<Answer> {
  const { store, settings, log } = parts;
  const deal = await findDeal(parts, id);
  const analysis = analyse(deal, settings);
  const saved = await store.saveAnalysis(analysis, settings.release);
  const type = analysedAs(deal.deal_type, settings);
  log.info("analysis stored", { deal_id: id, deal_type: type, analysis_id: saved });
  return { status: 201, body: { id: saved, ...analysis } };
}

async function queueAnalysis(parts: Parts, id: string): Promise<Answer> {
  await findDeal(parts, id);
  return { status: 202, body: { job: await parts.store.queueAnalysis(id) } };
}

async function findDeal({ store }: Parts, id: string): Promise<Deal> {
  const deal = await store.find(id);
  if (!deal) throw unknownDeal(id);
  return deal;
}

function unknownDeal(id: string): RequestError {
  return new RequestError(404, "not_found", `no deal ${id}`);
}
