import type { IncomingMessage, RequestListener } from "node:http";
import { answerApi, isApi } from "./api.ts";
import { RequestError } from "./deal.ts";
import type { Parts } from "./deals.ts";
import { type Answer, answerError, send } from "./http.ts";
import { answerPage } from "./pages.ts";
import { answerStaticFile } from "./static-files.ts";

export type { Parts } from "./deals.ts";

/** The app as a request listener. */
export function createRouter(parts: Parts): RequestListener {
  return (request, response) => {
    route(parts, request)
      .catch((error) => answerError(error, parts.log, request.url ?? "/"))
      .then((answer) => send(request, response, answer));
  };
}

async function route(parts: Parts, request: IncomingMessage): Promise<Answer> {
  const url = parseUrl(request.url ?? "/");
  if (isApi(url.pathname)) return answerApi(parts, request, url);
  return answerStaticFile(request, url) ?? answerPage(parts, request, url);
}

function parseUrl(text: string): URL {
  // `//` is a path here and no host; whatever is no path at all is the client's error, not the process's end.
  const url = text.startsWith("/") ? `http://app${text}` : text;
  if (!URL.canParse(url)) throw new RequestError(400, "not_a_url", "expected a path");
  return new URL(url);
}
