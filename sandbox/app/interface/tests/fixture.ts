import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Deal, DealFields } from "../deal.ts";
import type { DealStore } from "../deal-store.ts";
import type { Log } from "../log.ts";
import { createRouter } from "../router.ts";
import { readSettings, type Settings } from "../settings.ts";

const ENVIRONMENT = { DATABASE_URL: "postgres://nowhere", LOG_DIR: "/nowhere" };

/** Settings of a process that was started with this environment. */
export function settingsWith(environment: Record<string, string> = {}): Settings {
  return readSettings({ ...ENVIRONMENT, ...environment });
}

export const DEAL: Deal = {
  id: "1",
  name: "Project Ångström",
  target_name: "Müller & Söhne",
  deal_type: null,
  status: "open",
  lead_name: null,
  currency: "USD",
  it_budget: "1000000.05",
  employees: 100,
  applications: 10,
  notes: null,
  created_at: "2025-01-01T00:00:00.000Z",
  updated_at: "2025-01-01T00:00:00.000Z",
};

/** Keeps deals in memory. `refuse` is the error that every write meets. */
export function memoryStore(refuse?: Error): DealStore {
  const deals = new Map<string, Deal>();
  const write = <T>(value: T): T => {
    if (refuse) throw refuse;
    return value;
  };
  const put = (deal: Deal): Deal => {
    deals.set(write(deal).id, deal);
    return deal;
  };
  return {
    create: async (fields: DealFields) => put({ ...DEAL, ...fields, id: String(deals.size + 1) } as Deal),
    find: async (id) => deals.get(id),
    list: async (after, limit) =>
      [...deals.values()].filter(({ id }) => BigInt(id) > BigInt(after)).slice(0, limit),
    newest: async (before, limit) =>
      [...deals.values()]
        .reverse()
        .filter(({ id }) => before === undefined || BigInt(id) < BigInt(before))
        .slice(0, limit),
    edit: async (id, fields) => {
      const deal = deals.get(id);
      return deal && put({ ...deal, ...fields } as Deal);
    },
    remove: async (id) => write(deals.delete(id)),
    saveAnalysis: async () => write("1"),
    queueAnalysis: async () => write("1"),
    ping: async () => true,
  };
}

export interface Reply {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the app answers, tests look into it
  body: any;
}

export type Ask = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<Reply>;

/** Runs the app on a free port and hands `work` a way to ask it. URLSearchParams go as a form, all else as JSON. */
export async function withApp(
  settings: Settings,
  work: (ask: Ask) => Promise<void>,
  store: DealStore = memoryStore(),
  log: Log = { info: () => undefined, error: () => undefined },
): Promise<void> {
  const server = createServer(createRouter({ store, settings, log }));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    await work((method, path, body, headers) => ask(address + path, method, body, headers));
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function ask(url: string, method: string, body: unknown, headers = {}): Promise<Reply> {
  const content = body instanceof URLSearchParams ? body : JSON.stringify(body);
  const response = await fetch(url, {
    method,
    headers,
    redirect: "manual",
    ...(body !== undefined && { body: content }),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type") === "application/json";
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}
