import { type ConfigSource, loadConfig } from "../../config/load.ts";
import type { RolloutConfig } from "../../config/schema.ts";
import { StepError } from "../../errors/step-error.ts";
import { HostError } from "../../hosts/host-shell.ts";
import { localShell } from "../../hosts/local-shell.ts";
import { type LoggedLines, readLogged } from "../../hosts/log-lines.ts";
import { Chain } from "../../ledger/chain.ts";
import { evidenceOf } from "../../ledger/entries.ts";
import { evidenceFolder } from "../../ledger/store.ts";
import { connect } from "../../postgres/connect.ts";
import { readDealRow } from "../../postgres/deals/deal-row.ts";
import { readStackSource } from "../stack-source.ts";
import { type Investigation, renderSummary, writeBundle } from "./bundle.ts";
import { askAfresh, type FreshOutputs } from "./fresh-outputs.ts";
import { readSnapshotOutputs } from "./snapshot-outputs.ts";

export interface InvestigateWorld {
  log(line: string): void;
  /** Folder of all reports, by default the project's. */
  reports?: string;
  /** Gives the configuration; by default as Pulumi reads it. */
  readSource?(stack: string): Promise<ConfigSource>;
}

/** Keys are checked, all of them, before anything else is looked at. */
async function readRows(
  keys: readonly string[],
  { databaseUrl, change }: RolloutConfig,
): Promise<Map<string, string>> {
  const client = await connect(databaseUrl);
  try {
    await client.query("SET default_transaction_read_only = on");
    const rows = new Map<string, string>();
    for (const key of keys) rows.set(key, await readDealRow(client, change, key));
    return rows;
  } finally {
    await client.end();
  }
}

async function readLogs(key: string, { hosts, deployment }: RolloutConfig, signal: AbortSignal) {
  const { logs = [], logMark = "", logTimeZone: timeZone } = deployment ?? {};
  if (logs.length === 0) return [];
  const search = { logs, timeZone, mark: logMark.replaceAll("{key}", () => key) };
  return Promise.all(
    hosts.map(async (host): Promise<{ host: string; found: LoggedLines }> => {
      try {
        return { host: host.name, found: await readLogged(host, search, { shell: localShell, signal }) };
      } catch (error) {
        if (!(error instanceof HostError)) throw error;
        return { host: host.name, found: { lines: [], faults: [error.reason] } };
      }
    }),
  );
}

/** What is missing of an investigation is said in it: one that fails in part is better than none. */
async function tryFresh(
  keys: readonly string[],
  config: RolloutConfig,
  chain: Chain,
  signal: AbortSignal,
): Promise<Map<string, FreshOutputs> | string> {
  try {
    return await askAfresh(keys, config, evidenceOf(chain.records).entries().values(), signal);
  } catch (error) {
    if (error instanceof StepError) return error.message;
    throw error;
  }
}

/**
 * Gathers what there is to see of deals that regressed: row, log lines, both snapshots, a fresh analysis with the flag on
 * and off, and the differences. Changes nothing but the report's folder. @returns what a person reads.
 * @see runbook 4.3
 */
export async function investigateDeals(
  stack: string,
  keys: readonly string[],
  { log, reports = "reports", readSource = readStackSource }: InvestigateWorld,
): Promise<string[]> {
  const config = loadConfig(await readSource(stack));
  const chain = Chain.open(evidenceFolder(config.evidence.url));
  const rows = await readRows(keys, config);
  const { signal } = new AbortController();
  log("investigate: starting the release privately, with the flag on and off");
  const fresh = await tryFresh(keys, config, chain, signal);
  const shown: string[] = [];
  for (const [key, row] of rows) {
    const investigation: Investigation = {
      ...{ stack, reports, key, row, at: new Date().toISOString() },
      logs: await readLogs(key, config, signal),
      snapshots: await readSnapshotOutputs(key, config, evidenceOf(chain.records)),
      fresh: typeof fresh === "string" ? fresh : (fresh.get(key) ?? "no answer"),
    };
    const folder = writeBundle(investigation);
    shown.push(renderSummary(investigation).trimEnd(), `(in ${folder})`, "");
  }
  return shown;
}
