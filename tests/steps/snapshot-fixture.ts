import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { OutputsSection } from "../../config/outputs.ts";
import type { OutputSnapshotSpec } from "../../steps/output-snapshot.ts";
import { readSnapshot } from "../../steps/snapshot/read-snapshot.ts";
import { createDatabase } from "../database.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { baseSpec, change, runSql } from "./preflight-deps.ts";

/** Answers of a deal: decimals that a floating-point number can't hold, and the number's own spelling. */
export const analysisOf = (key: string): string =>
  `{ "deal_id": "${key}",\n  "cost_total": 12345678901234567.10, "rate": 1.50e+3, "note": "a \\" : b\\u2028" }`;
/** The same without blanks, as the snapshot keeps it. */
export const keptAnalysis = (key: string): string =>
  `{"deal_id":"${key}","cost_total":12345678901234567.10,"rate":1.50e+3,"note":"a \\" : b\\u2028"}`;

export interface TestApp {
  url: string;
  /** Keys in the order they were asked for, and the headers of the last request. */
  asked: string[];
  headers: IncomingMessage["headers"];
  /** What `/health` says; nothing while it is empty. */
  release: string;
  close(): Promise<void>;
}

type Reply = { status?: number; body?: string; headers?: Record<string, string> } | "hang" | "cut";

/** The application, as much of it as a snapshot asks. `answer` decides by key; without one all goes well. */
export async function startApp(
  answer: (key: string, method: string) => Reply | Promise<Reply> = () => ({}),
): Promise<TestApp> {
  const app: TestApp = { url: "", asked: [], headers: {}, release: "", close: async () => undefined };
  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.url === "/health" && app.release)
      return void response.end(JSON.stringify({ release: app.release }));
    const key = /^\/api\/v1\/deals\/([^/]+)\/\w+$/.exec(request.url ?? "")?.[1];
    if (key === undefined) return void response.writeHead(404).end();
    app.headers = request.headers;
    app.asked.push(decodeURIComponent(key));
    const reply = await answer(decodeURIComponent(key), request.method ?? "");
    if (reply === "hang") return;
    if (reply === "cut") return void request.socket.destroy();
    response.writeHead(reply.status ?? 200, { "content-type": "application/json", ...reply.headers });
    response.end(reply.body ?? analysisOf(decodeURIComponent(key)));
  };
  const server = createServer((request, response) => void respond(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  app.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  app.close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return app;
}

/** Starts applications for the tests of a suite; they end with the test that started them. */
export function testApps(): typeof startApp {
  const apps: TestApp[] = [];
  afterEach(async () => {
    for (const { close } of apps.splice(0)) await close();
  });
  return async (...args) => {
    const app = await startApp(...args);
    apps.push(app);
    return app;
  };
}

/** A database with that many deals, keys 1, 2, 3… */
export async function databaseWithDeals(count: number): Promise<string> {
  const url = await createDatabase();
  await runSql(
    url,
    "CREATE TABLE deals (id bigint PRIMARY KEY, deal_type varchar(50))",
    `INSERT INTO deals SELECT n FROM generate_series(1, ${count}) n`,
    "ANALYZE deals",
  );
  return url;
}

/** A spec with evidence in a folder of its own, unpacked and without a rate limit to speak of. */
export function snapshotSpec(
  appUrl: string,
  outputs: Parameters<typeof OutputsSection.parse>[0] = {},
): OutputSnapshotSpec {
  const base = baseSpec("output-snapshot");
  return {
    ...base,
    identity: { ...base.identity, evidenceUrl: `file:${join(temporaryFolder(), "evidence")}` },
    change,
    appUrl,
    outputs: OutputsSection.parse({ requestsPerSecond: 100_000, compress: "none", ...(outputs as object) }),
  };
}

export const snapshotsOf = (spec: OutputSnapshotSpec): string =>
  join(spec.identity.evidenceUrl.slice("file:".length), "snapshots");

/** All lines of a finished snapshot, without what they say of the row. */
export async function linesOf(path: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const { text, row } of readSnapshot(path)) {
    assert.ok(row, text);
    lines.push(text.replace(/,"type":(null|"[^"]*"),"row":"[0-9a-f]{16}"/, ""));
  }
  return lines;
}
