import type { IncomingMessage } from "node:http";
import { RequestError } from "./deal.ts";
import type { Parts } from "./deals.ts";
import { type Answer, answerError } from "./http.ts";
import { createDealFromForm, showCreatePage } from "./pages/create.ts";
import { editDealFromForm, showEditPage } from "./pages/edit.ts";
import { errorPage } from "./pages/error.ts";
import { showList } from "./pages/list.ts";
import { showReport } from "./pages/report.ts";

/** A visitor's request for a page; `id` is the deal's in its path. */
export interface Visit {
  parts: Parts;
  request: IncomingMessage;
  url: URL;
  id: string;
}

interface Page {
  path: RegExp;
  GET(visit: Visit): Promise<Answer>;
  POST?(visit: Visit): Promise<Answer>;
}

const PAGES: readonly Page[] = [
  { path: /^\/$/, GET: async () => ({ status: 302, headers: { location: "/deals" } }) },
  { path: /^\/deals$/, GET: showList },
  { path: /^\/deals\/create$/, GET: showCreatePage, POST: createDealFromForm },
  { path: /^\/deals\/(\d{1,18})$/, GET: showReport },
  { path: /^\/deals\/(\d{1,18})\/edit$/, GET: showEditPage, POST: editDealFromForm },
];

/** The page at this path. What goes wrong is told to people as a page, to programs as the API tells it. */
export async function answerPage(parts: Parts, request: IncomingMessage, url: URL): Promise<Answer> {
  try {
    return await showPage(parts, request, url);
  } catch (error) {
    const answer = answerError(error, parts.log, url.pathname);
    return request.headers.accept?.includes("text/html") ? errorPage(answer.status, parts.settings) : answer;
  }
}

async function showPage(parts: Parts, request: IncomingMessage, url: URL): Promise<Answer> {
  for (const page of PAGES) {
    const match = page.path.exec(url.pathname);
    if (!match) continue;
    const visit = { parts, request, url, id: match[1] ?? "" };
    if (request.method === "GET" || request.method === "HEAD") return page.GET(visit);
    if (request.method === "POST" && page.POST) return page.POST(visit);
    throw new RequestError(405, "method_not_allowed", `${request.method} is not possible here`);
  }
  throw new RequestError(404, "not_found", `nothing at ${url.pathname}`);
}
