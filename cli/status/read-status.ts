import { type ConfigSource, type ReadSettings, readSettings } from "../../config/load.ts";
import type { RolloutConfig } from "../../config/schema.ts";
import { evidenceSection } from "../../config/stores.ts";
import { tellError } from "../../errors/report-error.ts";
import { Chain } from "../../ledger/chain.ts";
import { type Entry, foldEntries } from "../../ledger/entries.ts";
import { finishedOf } from "../../ledger/finished.ts";
import { leftOf } from "../../ledger/left.ts";
import { progressOf } from "../../ledger/progress.ts";
import { evidenceFolder } from "../../ledger/store.ts";
import { notProvenOf } from "../../postgres/backup/left-out.ts";
import { evaluateGate, recordedGates } from "../../rollout/gates.ts";
import { modeOf } from "../../rollout/mode.ts";
import { observeAll } from "../../rollout/observe-all.ts";
import { observingDeps } from "../../rollout/observing-deps.ts";
import { PHASE_PLAN } from "../../rollout/plan.ts";
import { backup } from "../../steps/backup.ts";
import { resultOf } from "../../steps/recorded.ts";
import { restoreProof } from "../../steps/restore-proof.ts";
import { readStackSource } from "../stack-source.ts";
import type { Status } from "./contract.ts";
import { lastProof } from "./last-proof.ts";
import { readDatabase } from "./read-database.ts";
import { flagLook, readWorkers } from "./workers.ts";

function emptyStatus(stack: string): Status {
  return {
    version: 1,
    stack,
    environment: null,
    configValid: false,
    phase: { wanted: null, actual: null },
    finished: null,
    mode: null,
    rows: null,
    constraint: null,
    maintenance: null,
    flag: { wanted: null, workers: [], proven: null },
    backup: null,
    left: [],
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
  const source = await attempt(status, () => readSource(stack));
  const read = source && readSettings(source);
  if (read) readConfiguration(status, read);
  const chain = await attempt(status, async () => openChain(status, read));
  if (chain) readEvidence(status, chain);
  if (read) await readTarget(status, read, chain);
  status.errors = [...new Set(status.errors)];
  return status;
}

function readConfiguration(status: Status, { settings, faults, targetFaults }: ReadSettings): void {
  status.environment = settings.environment ?? null;
  status.configValid = faults.length === 0;
  status.phase.wanted = settings.phase ?? null;
  status.flag.wanted = settings.flag ?? null;
  status.errors.push(...faults, ...targetFaults);
}

/** Nothing when the configuration does not say where: another store would tell of another rollout. */
function openChain(status: Status, read: ReadSettings | undefined): Chain | undefined {
  if (read) return read.settings.evidence && Chain.open(evidenceFolder(read.settings.evidence.url));
  const { url } = evidenceSection(status.stack).parse({});
  const chain = Chain.open(evidenceFolder(url));
  if (chain.records.length === 0) return undefined;
  status.errors.push(
    `status: expected evidence.url, got no configuration: what is shown is the evidence in ${chain.folder}, where it lies by default.`,
  );
  return chain;
}

/** What the evidence alone can tell: valid when the target is down, and when the configuration is faulty. */
function readEvidence(status: Status, chain: Chain): void {
  const entries = foldEntries(chain.records);
  const progress = progressOf(entries, PHASE_PLAN);
  const { wanted: phase } = status.phase;
  const { wanted: flag } = status.flag;
  status.phase.actual = progress.actual;
  if (status.configValid && phase !== null && flag !== null)
    status.mode = modeOf({ phase, flag }, progress, entries);
  status.finished = describeFinished(entries);
  status.left = leftOf(chain.records);
  status.backup = latestBackup([...entries.values()]);
  status.flag.proven = lastProof(chain.records);
  status.gates = recordedGates(entries, PHASE_PLAN).map((gate) => ({ ...gate, recorded: true }));
}

function describeFinished(entries: ReadonlyMap<string, Entry>): Status["finished"] {
  const finished = finishedOf(entries);
  return finished ? { at: finished.at, by: finished.by, reason: finished.reason } : null;
}

/** The newest backup that was taken; it stays when its step is undone, but only a standing step counts here. */
function latestBackup(entries: Entry[]): Status["backup"] {
  const taken = entries
    .filter(({ kind, state, result }) => kind === backup.name && state === "done" && result)
    .sort((a, b) => (a.doneNumber ?? 0) - (b.doneNumber ?? 0));
  const result = resultOf(backup, taken.at(-1));
  if (!result) return null;
  const proof = entries.find(
    (entry) =>
      entry.kind === restoreProof.name && entry.state === "done" && entry.result?.sha256 === result.sha256,
  );
  const provenAt = resultOf(restoreProof, proof)?.provenAt ?? null;
  return { path: result.path, sha256: result.sha256, provenAt, notProven: notProvenOf(proof?.result) };
}

async function readTarget(
  status: Status,
  { config, target, settings }: ReadSettings,
  chain: Chain | undefined,
): Promise<void> {
  if (!target) return;
  const { change } = settings;
  await Promise.all([
    change && attempt(status, () => readDatabase(status, { ...target, change })),
    readWorkers(target.hosts, status.errors, flagLook(settings)).then((workers) => {
      status.flag.workers = workers;
    }),
    config && chain && attempt(status, () => readSurvey(status, config, chain)),
  ]);
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
    // Once the book is closed nothing is looked at, and no gate leads anywhere.
    .map((phase) => ({
      ...(survey.finished
        ? { phase, met: true, missing: [], accepted: [] }
        : evaluateGate(phase, survey.steps)),
      recorded: false,
    }));
}

async function attempt<T>(status: Status, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    status.errors.push(...tellError(error).split("\n"));
    return undefined;
  }
}
