import { setTimeout as sleep } from "node:timers/promises";
import type { AuditSection } from "../config/audit.ts";
import type { RolloutConfig } from "../config/schema.ts";
import { sampleRows } from "../postgres/deals/deal-sample.ts";
import { withConnection } from "../postgres/session.ts";
import { createAsker, type DealAsker } from "../steps/snapshot/deal-asker.ts";
import { mapOrdered } from "../steps/snapshot/ordered-map.ts";
import { parseExactly, valuesAt } from "../steps/snapshot/output-rules.ts";
import { parseLine } from "../steps/snapshot/snapshot-line.ts";
import type { StepDeps } from "../steps/step.ts";
import type { Unseen } from "./judge-data.ts";

/** A deal of the sample with what the application says of it now. */
export interface SampledDeal {
  key: string;
  type: string;
  /** Its first request's output, numbers as they were written; undefined where there was no answer. */
  output: unknown;
  /** The line as a snapshot has it. */
  text: string;
}

const TIMER = {
  now: () => performance.now(),
  sleep: async (milliseconds: number, signal: AbortSignal) =>
    void (await sleep(milliseconds, undefined, { signal })),
};

/** The output of the first request in a line of a snapshot. Pure. */
export function firstOutput(text: string): unknown {
  const { outputs } = parseLine(text) ?? {};
  return outputs === undefined ? undefined : Object.values(parseExactly(outputs) as object)[0];
}

/** A value as the application wrote it; undefined unless there is just one. Pure. */
export function oneText(output: unknown, field: string): string | undefined {
  const values = valuesAt(output, field);
  return values.length === 1 ? String(values[0]) : undefined;
}

async function* inBatches(keys: readonly string[], size: number): AsyncGenerator<readonly string[]> {
  for (let at = 0; at < keys.length; at += size) yield keys.slice(at, at + size);
}

async function askAll(asker: DealAsker, keys: readonly string[], concurrency: number): Promise<string[]> {
  const lines: string[] = [];
  const batches = inBatches(keys, asker.batch);
  for await (const answers of mapOrdered(batches, concurrency, (batch) => asker.ask(batch)))
    lines.push(...answers.map(({ line }) => line.text));
  return lines;
}

/** A sample of every type, asked for in the application as the snapshots were: nothing is stored. */
export async function readOutputs(
  config: RolloutConfig,
  { sample }: AuditSection,
  deps: StepDeps,
): Promise<SampledDeal[] | Unseen> {
  const rows = await withConnection(deps, async (client) => {
    await client.query("SET default_transaction_read_only = on");
    return sampleRows(client, config.change, sample);
  });
  const { outputs, app } = config;
  const asker = createAsker({ appUrl: app.url, outputs, timer: TIMER, signal: deps.signal });
  try {
    const lines = await askAll(
      asker,
      rows.map(({ key }) => key),
      outputs.concurrency,
    );
    const deals = rows.map((row, at) => ({
      ...row,
      text: lines[at] ?? "",
      output: firstOutput(lines[at] ?? ""),
    }));
    const answered = deals.filter(({ output }) => output !== undefined).length;
    if (answered > 0) return deals;
    const reason = parseLine(lines[0] ?? "")?.error?.reason;
    return {
      unseen:
        rows.length === 0 ? "the table holds no deal" : `no deal of ${rows.length} got an answer: ${reason}`,
    };
  } finally {
    await asker.close();
  }
}
