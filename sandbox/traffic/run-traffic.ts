import { setTimeout as sleep } from "node:timers/promises";
import { StepError } from "../../errors/step-error.ts";
import { readSandbox } from "../description.ts";
import { createAppClient, type Reply } from "./app-client.ts";
import { createTally, type TrafficFigures } from "./figures.ts";
import { createRandom, nextOperation, type Operation } from "./operations.ts";

export interface TrafficOptions {
  /** Requests per second, 1 to 2,000, sent at even distances whatever the answers do (open loop). */
  rate: number;
  /** 1 to 86,400. */
  seconds: number;
  /** Base URL of the app; by default the running sandbox's. */
  app?: string;
  checkout?: string;
  /** Same seed, same requests. */
  seed?: number;
  /** Ends the sending early; what was sent is still waited for. */
  signal?: AbortSignal;
  /** Told of every request with its answer, for whoever keeps a model of what clients were promised. */
  onExchange?(exchange: { operation: Operation; reply: Reply }): void;
}

type AppClient = ReturnType<typeof createAppClient>;

/**
 * Uses the app over HTTP as its clients do, and says what they saw. Open loop: a request is sent at its time
 * also while earlier ones wait, and its latency counts from that time.
 * @throws {StepError} when the sandbox is not up, holds no deals or an option is out of range.
 */
export async function runTraffic(options: TrafficOptions): Promise<TrafficFigures> {
  checkRange("rate", options.rate, 2_000);
  checkRange("seconds", options.seconds, 86_400);
  const app = options.app ?? readSandbox(options.checkout ? { checkout: options.checkout } : {})?.app;
  if (!app)
    throw new StepError(
      "sandbox: expected a running sandbox for traffic, got none. Start it: npx rollout sandbox up",
    );
  const client = createAppClient(app);
  try {
    const dealIds = await sampleDeals(client, app);
    return await sendAll(client, dealIds, options);
  } finally {
    client.close();
  }
}

async function sendAll(
  client: AppClient,
  dealIds: string[],
  options: TrafficOptions,
): Promise<TrafficFigures> {
  const { rate, seconds, seed = 1, signal, onExchange } = options;
  const random = createRandom(seed);
  const tally = createTally();
  const waiting = new Set<Promise<void>>();
  const start = performance.now();
  for (let number = 0; number < rate * seconds && !signal?.aborted; number += 1) {
    const dueMs = start + (number * 1000) / rate;
    // A timer may fire a fraction early: never before its time.
    while (dueMs > performance.now()) await sleep(Math.ceil(dueMs - performance.now()));
    const operation = nextOperation(random, dealIds, number);
    const done: Promise<void> = client.send(operation).then((reply) => {
      tally.add(reply.outcome, performance.now() - dueMs, reply.detail);
      onExchange?.({ operation, reply });
      waiting.delete(done);
    });
    waiting.add(done);
  }
  await Promise.all(waiting);
  return tally.figures();
}

const PAGES = 20;
const PAGE = 50;

/** Ids of up to 1,000 deals from all over the table, so that reads and edits meet every part of it. */
async function sampleDeals(client: AppClient, app: string): Promise<string[]> {
  const list = async (after: number, limit: number): Promise<string[]> => {
    const path = `/api/v1/deals?after=${after}&limit=${limit}`;
    const { outcome, body, detail } = await client.send({ method: "GET", path, expected: 200 });
    if (outcome !== "answered")
      throw new StepError(
        `sandbox: expected the app at ${app} to list its deals, got ${detail}. Start it: npx rollout sandbox up`,
      );
    return (body as { deals: { id: string }[] }).deals.map(({ id }) => id);
  };
  let reach = 1;
  while ((await list(reach, 1)).length > 0) reach *= 2;
  const pages = Array.from({ length: PAGES }, (_, index) => list(Math.floor((reach / PAGES) * index), PAGE));
  const ids = [...new Set((await Promise.all(pages)).flat())];
  if (ids.length > 0) return ids;
  throw new StepError(
    `sandbox: expected deals in the app at ${app}, got none. Seed it: npx rollout sandbox reset`,
  );
}

function checkRange(name: string, value: number, most: number): void {
  if (Number.isFinite(value) && value >= 1 && value <= most) return;
  throw new StepError(
    `sandbox: expected a number from 1 to ${most} for --${name}, got ${value}. Example: npx rollout sandbox traffic --rate 200 --seconds 30`,
  );
}
