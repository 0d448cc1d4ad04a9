import type { IncomingMessage } from "node:http";
import { analyse } from "./analysis.ts";
import { invalid, parseFields, RequestError } from "./deal.ts";
import { analysedAs, defaultDealType, readDealType } from "./deal-type.ts";
import { analyseDeal, createDeal, editDeal, findDeal, type Parts, unknownDeal } from "./deals.ts";
import { readHealth } from "./health.ts";
import type { Answer } from "./http.ts";
import { readJson } from "./request-body.ts";

type Handler = (parts: Parts, id: string, request: IncomingMessage, url: URL) => Promise<Answer>;

/** Whether a path is one of those that programs use. */
export function isApi(path: string): boolean {
  return path === "/health" || path.startsWith("/api/");
}

export async function answerApi(parts: Parts, request: IncomingMessage, url: URL): Promise<Answer> {
  const method = (request.method === "HEAD" ? "GET" : request.method) ?? "";
  if (url.pathname === "/health" && method === "GET")
    return { status: 200, body: await readHealth(parts.settings, () => parts.store.ping()) };
  const match = /^\/api\/v1\/deals(?:\/(\d{1,18})(\/analysis)?)?$/.exec(url.pathname);
  if (!match) throw new RequestError(404, "not_found", `nothing at ${url.pathname}`);
  const [, id, analysis] = match;
  const handler = (id === undefined ? DEALS : analysis ? ANALYSIS : DEAL)[method];
  if (handler) return handler(parts, id ?? "", request, url);
  throw new RequestError(405, "method_not_allowed", `${method} is not possible here`);
}

const DEALS: Record<string, Handler> = {
  GET: async ({ store }, _id, _request, { searchParams }) => {
    const after = searchParams.get("after") ?? "0";
    const limit = Number(searchParams.get("limit") ?? "50");
    if (!/^\d{1,18}$/.test(after) || !Number.isInteger(limit) || limit < 1 || limit > 1000)
      throw new RequestError(422, "invalid_query", "expected after=<id> and limit=<1 to 1000>");
    return { status: 200, body: { deals: await store.list(after, limit) } };
  },
  POST: async (parts, _id, request) => {
    const body = await readJson(request);
    const fields = parseFields(body);
    if (!fields.name || !fields.target_name) throw invalid("name and target_name: expected both");
    const deal_type = readDealType(body, parts.settings) ?? defaultDealType(parts.settings);
    return { status: 201, body: await createDeal(parts, { ...fields, deal_type }) };
  },
};

const DEAL: Record<string, Handler> = {
  GET: async (parts, id) => ({ status: 200, body: await findDeal(parts, id) }),
  PATCH: async (parts, id, request) => {
    const body = await readJson(request);
    const type = readDealType(body, parts.settings);
    const fields = { ...parseFields(body), ...(type !== undefined && { deal_type: type }) };
    if (Object.keys(fields).length === 0) throw invalid("expected at least one field");
    return { status: 200, body: await editDeal(parts, id, fields) };
  },
  DELETE: async ({ store, log }, id) => {
    if (!(await store.remove(id))) throw unknownDeal(id);
    log.info("deal deleted", { deal_id: id });
    return { status: 204 };
  },
};

const ANALYSIS: Record<string, Handler> = {
  GET: async (parts, id) => ({ status: 200, body: (await analyseDeal(parts, id)).analysis }),
  POST: async (parts, id, _request, url) =>
    url.searchParams.has("queue") ? queueAnalysis(parts, id) : storeAnalysis(parts, id),
};

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
