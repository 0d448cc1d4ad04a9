import type { IncomingMessage } from "node:http";
import type { Answer } from "../http.ts";

const MESSAGES = { created: "Deal created", saved: "Saved" } as const;
type Flash = keyof typeof MESSAGES;

/**
 * Sends the browser on to the deal's page, which then tells once what was done. In a cookie, so that the page's
 * address stays the deal's, and looking at it again tells nothing.
 */
export function seeDeal(id: string, flash: Flash): Answer {
  return { status: 303, headers: { location: `/deals/${id}`, "set-cookie": cookie(id, flash, 30) } };
}

/** What the page of this deal is to tell, and the headers by which it tells it once only. */
export function takeFlash(request: IncomingMessage, id: string) {
  const flash = /(?:^|; )flash=(created|saved)(?:;|$)/.exec(request.headers.cookie ?? "")?.[1] as
    | Flash
    | undefined;
  return flash && { message: MESSAGES[flash], headers: { "set-cookie": cookie(id, "", 0) } };
}

const cookie = (id: string, value: string, seconds: number) =>
  `flash=${value}; Path=/deals/${id}; Max-Age=${seconds}; HttpOnly; SameSite=Lax`;
