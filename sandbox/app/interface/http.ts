import type { IncomingMessage, ServerResponse } from "node:http";
import { RequestError } from "./deal.ts";
import type { Log } from "./log.ts";

export interface Answer {
  status: number;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is, with its media type. */
  content?: { type: string; bytes: string | Buffer };
  headers?: Record<string, string>;
}

export function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const { status, body, headers } = answer;
  const { type, bytes } = answer.content ?? {
    type: "application/json",
    bytes: body === undefined ? "" : JSON.stringify(body),
  };
  response.writeHead(status, {
    ...(bytes.length > 0 && { "content-type": type }),
    ...(status !== 204 && status !== 304 && { "content-length": Buffer.byteLength(bytes) }),
    ...headers,
  });
  response.end(request.method === "HEAD" ? undefined : bytes);
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
