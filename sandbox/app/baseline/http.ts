import type { IncomingMessage, ServerResponse } from "node:http";
import { RequestError } from "./deal.ts";
import type { Log } from "./log.ts";

export interface Answer {
  status: number;
  body?: unknown;
  html?: string;
}

const BODY_LIMIT = 64 * 1024;

/** The request's JSON object; an empty body is an empty object. */
export async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT) throw new RequestError(413, "too_large", `expected at most ${BODY_LIMIT} bytes`);
    chunks.push(chunk);
  }
  if (size === 0) return {};
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    if (typeof body === "object" && body !== null && !Array.isArray(body))
      return body as Record<string, unknown>;
  } catch {
    // Answered below like any other body that is no object.
  }
  throw new RequestError(400, "not_json", "expected a JSON object");
}

export function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, body, html }: Answer,
): void {
  const text = html ?? (body === undefined ? "" : JSON.stringify(body));
  response.writeHead(status, {
    ...(text && { "content-type": html === undefined ? "application/json" : "text/html; charset=utf-8" }),
    ...(status !== 204 && { "content-length": Buffer.byteLength(text) }),
  });
  response.end(request.method === "HEAD" ? undefined : text);
}

// https://www.postgresql.org/docs/current/errcodes-appendix.html: class 23 and 22 are the client's data.
const CLIENT_DATA = /^2[23]/;
// Lost or refused connections, a server that shuts down or is full, and work that was in another's way.
const AWAY = /^(?:08|40|53|55P03|57|E[A-Z]+$)|timeout|terminated/;

/** The app's own answer to an error: what the client can mend is 4xx, a database that is away 503. */
export function answerError(error: unknown, log: Log, path: string): Answer {
  if (error instanceof RequestError) return failure(error.status, error.code, error.message);
  const { code, constraint, column, message } = error as Error & {
    code?: string;
    constraint?: string;
    column?: string;
  };
  if (code && CLIENT_DATA.test(code)) {
    log.error("deal refused by the database", { path, sqlstate: code, constraint: constraint ?? column });
    return failure(422, "invalid_deal", `the deal breaks the rule ${constraint ?? column ?? code}`);
  }
  log.error("request failed", { path, sqlstate: code, error: message });
  return AWAY.test(code ?? message)
    ? failure(503, "database_unavailable", "the database can't be reached now; try again")
    : failure(500, "internal", "something went wrong");
}

function failure(status: number, code: string, message: string): Answer {
  return { status, body: { error: { code, message } } };
}
