import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Deal, DealFields } from "../deal.ts";
import type { DealStore } from "../deal-store.ts";
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
  // biome-ignore lint/suspicious/noExplicitAny: whatever the app answers, tests look into it
  body: any;
}

/** Runs the app on a free port and hands `work` a way to ask it. */
export async function withApp(
  settings: Settings,
  work: (ask: (method: string, path: string, body?: unknown) => Promise<Reply>) => Promise<void>,
  store: DealStore = memoryStore(),
): Promise<void> {
  const silent = { info: () => undefined, error: () => undefined };
  const server = createServer(createRouter({ store, settings, log: silent }));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    await work(async (method, path, body) => {
      const response = await fetch(address + path, {
        method,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = response.headers.get("content-type") === "application/json";
      return { status: response.status, body: isJson ? JSON.parse(text) : text };
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
