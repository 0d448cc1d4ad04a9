import { Agent, request } from "node:http";
import type { Outcome } from "./figures.ts";
import type { Operation } from "./operations.ts";

export interface Reply {
  outcome: Outcome;
  /** Absent without an answer. */
  status?: number;
  body?: unknown;
  detail?: string;
}

const TIMEOUT_MS = 10_000;

/** Speaks to the app as browsers do: over connections that are kept and used again. */
export function createAppClient(app: string) {
  // No limit: when the app stalls, requests must go on being sent, or the stall would hide them.
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: 256 });
  return {
    send: (operation: Omit<Operation, "kind">): Promise<Reply> => send(app, agent, operation),
    close: () => agent.destroy(),
  };
}

function send(
  app: string,
  agent: Agent,
  { method, path, body, expected }: Omit<Operation, "kind">,
): Promise<Reply> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = text && { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
  return new Promise((resolve) => {
    let connected = false;
    const finish = (reply: Reply) => {
      clearTimeout(timer);
      resolve(reply);
    };
    const ask = request(new URL(path, app), { method, agent, headers: headers || {} }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", (error) =>
        finish({ outcome: "failed", detail: `${method} ${path}: ${error.message}` }),
      );
      response.once("end", () =>
        finish(judge(`${method} ${path}`, response.statusCode ?? 0, expected, chunks)),
      );
    });
    const timer = setTimeout(
      () => ask.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)),
      TIMEOUT_MS,
    );
    ask.once("socket", (socket) => {
      if (!socket.connecting) connected = true;
      else socket.once("connect", () => (connected = true));
    });
    ask.once("error", (error) =>
      finish({ outcome: connected ? "failed" : "refused", detail: `${method} ${path}: ${error.message}` }),
    );
    ask.end(text);
  });
}

function judge(subject: string, status: number, expected: number, chunks: Buffer[]): Reply {
  const text = Buffer.concat(chunks).toString("utf8");
  const body = parse(text);
  if (status === expected) return { outcome: "answered", status, body };
  const detail = `${subject}: expected ${expected}, got ${status} ${text.slice(0, 200)}`;
  return { outcome: "failed", status, body, detail };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
