import { type ConfigSource, loadSettings } from "../../config/load.ts";
import type { RolloutConfig, Settings } from "../../config/schema.ts";
import { Chain } from "../../ledger/chain.ts";
import { type Entry, foldEntries } from "../../ledger/entries.ts";
import { finishedOf } from "../../ledger/finished.ts";
import { progressOf } from "../../ledger/progress.ts";
import { evidenceFolder } from "../../ledger/store.ts";
import { connect } from "../../postgres/connect.ts";
import { countRows } from "../../postgres/counts.ts";
import { evaluateGate } from "../../rollout/gates.ts";
import { modeOf } from "../../rollout/mode.ts";
import { observeAll } from "../../rollout/observe-all.ts";
import { observingDeps } from "../../rollout/observing-deps.ts";
import { PHASE_PLAN } from "../../rollout/plan.ts";
import { readStackSource } from "../stack-source.ts";
import { readConstraint } from "./constraint-state.ts";
import type { Status } from "./contract.ts";
import { readOpenMaintenance } from "./open-maintenance.ts";
import { readWorkers } from "./workers.ts";

function emptyStatus(stack: string): Status {
  return {
    version: 1,
    stack,
    environment: null,
    phase: { wanted: null, actual: null },
    finished: null,
    mode: null,
    rows: null,
    constraint: null,
    maintenance: null,
    flag: { wanted: null, workers: [] },
    backup: null,
    drift: [],
    gates: [],
    errors: [],
  };
}

/**
 * Where a stack stands: configuration, evidence, database and services. Never throws: `errors` tells. Read-only.
 * @param readSource gives the configuration; by default as Pulumi reads it.
 */
export async function readStatus(
  stack: string,
  readSource: (stack: string) => Promise<ConfigSource> = readStackSource,
): Promise<Status> {
  const status = emptyStatus(stack);
  const read = await attempt(status, async () => loadSettings(await readSource(stack)));
  if (!read) return status;
  const { settings, config, targetFaults } = read;
  Object.assign(status, { environment: settings.environment });
  status.phase.wanted = settings.phase;
  status.flag.wanted = settings.flag;
  status.errors.push(...targetFaults);
  const chain = await attempt(status, async () => Chain.open(evidenceFolder(settings.evidence.url)));
  if (chain) readEvidence(status, settings, chain);
  if (config) await readTarget(status, config, chain);
  status.errors = [...new Set(status.errors)];
  return status;
}

/** What the evidence alone can tell: valid when the target is down. */
function readEvidence(status: Status, settings: Settings, chain: Chain): void {
  const entries = foldEntries(chain.records);
  const progress = progressOf(entries, PHASE_PLAN);
  status.phase.actual = progress.actual;
  status.mode = modeOf(settings, progress, entries);
  status.finished = describeFinished(entries);
  status.backup = latestBackup([...entries.values()]);
}

function describeFinished(entries: ReadonlyMap<string, Entry>): Status["finished"] {
  const finished = finishedOf(entries);
  return finished ? { at: finished.at, by: finished.by, reason: finished.reason } : null;
}

/** The newest backup that was taken; it stays when its step is undone, but only a standing step counts here. */
function latestBackup(entries: Entry[]): Status["backup"] {
  const taken = entries
    .filter(({ kind, state, result }) => kind === "backup" && state === "done" && result)
    .sort((a, b) => (a.doneAt ?? "").localeCompare(b.doneAt ?? ""));
  const result = taken.at(-1)?.result as { path: string; sha256: string } | undefined;
  if (!result) return null;
  const proof = entries.find(
    (entry) =>
      entry.kind === "restore-proof" && entry.state === "done" && entry.result?.sha256 === result.sha256,
  );
  const provenAt = (proof?.result?.provenAt as string | undefined) ?? null;
  return { path: result.path, sha256: result.sha256, provenAt };
}

async function readTarget(status: Status, config: RolloutConfig, chain: Chain | undefined): Promise<void> {
  await Promise.all([
    attempt(status, () => readDatabase(status, config)),
    readWorkers(config.hosts, status.errors).then((workers) => {
      status.flag.workers = workers;
    }),
    chain && attempt(status, () => readSurvey(status, config, chain)),
  ]);
}

async function readDatabase(status: Status, { databaseUrl, change }: RolloutConfig): Promise<void> {
  const client = await connect(databaseUrl, { connectTimeoutMs: 5_000 });
  try {
    status.constraint = await readConstraint(client, change);
    status.maintenance = await readOpenMaintenance(client);
    status.rows = await countRows(client, change);
  } finally {
    await client.end();
  }
}

async function readSurvey(status: Status, config: RolloutConfig, chain: Chain): Promise<void> {
  const survey = await observeAll(config, chain, observingDeps(config, chain));
  for (const { spec, entry, observation, error } of survey.steps) {
    const step = `${spec.identity.phase}/${spec.identity.step}`;
    if (error) status.errors.push(`status: expected a look at ${step}, got: ${error}`);
    if (entry?.state === "done")
      status.drift.push(...(observation?.drift ?? []).map((drift) => ({ step, ...drift })));
  }
  status.gates = PHASE_PLAN.map((_, phase) => phase)
    .filter((phase) => phase <= config.phase)
    .map((phase) => evaluateGate(phase, survey.steps));
}

async function attempt<T>(status: Status, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    status.errors.push(...(error instanceof Error ? error.message : String(error)).split("\n"));
    return undefined;
  }
}
