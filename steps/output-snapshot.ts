import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { OutputsSection } from "../config/outputs.ts";
import { StepError } from "../errors/step-error.ts";
import { resolveRelease } from "../hosts/process-proof.ts";
import { showBytes } from "../postgres/backup/dump-space.ts";
import { shownPath } from "../postgres/backup/dump-store.ts";
import { KeyReader } from "../postgres/deals/key-pages.ts";
import { Change } from "../postgres/migration/change.ts";
import { readTargetFacts } from "../postgres/preflight-facts.ts";
import type { Timer } from "../processes/rate-limit.ts";
import { createAsker, type DealAsker } from "./snapshot/deal-asker.ts";
import { readSnapshot } from "./snapshot/read-snapshot.ts";
import {
  explainFull,
  findFinished,
  openSnapshot,
  questionsDigest,
  sealSnapshot,
} from "./snapshot/snapshot-attempt.ts";
import { LineWriter, Tally } from "./snapshot/snapshot-file.ts";
import { observeSnapshot, otherRelease } from "./snapshot/snapshot-readiness.ts";
import { takeSnapshot } from "./snapshot/snapshot-run.ts";
import {
  finalPath,
  ownSnapshots,
  partialPath,
  removeUnfinished,
  type StoredSnapshot,
  snapshotFolder,
  writeManifest,
} from "./snapshot/snapshot-store.ts";
import { BaseSpec, defineStep, HOUR, type StepDeps, type UndoResult } from "./step.ts";

export const OutputSnapshotSpec = BaseSpec.extend({
  change: Change,
  /** Base address of the application. */
  appUrl: z.string().min(1),
  outputs: OutputsSection,
  /** Commit that has to answer; an application that does not say what it runs is taken at its word. */
  release: z.string().min(1).optional(),
});
export type OutputSnapshotSpec = z.infer<typeof OutputSnapshotSpec>;

/** Named as the runbook's summary names them. */
/** What is read again of it. */
const OutputSnapshotRecord = z.object({ path: z.string(), sha256: z.string() });

export interface OutputSnapshotResult {
  total_deals: number;
  success_count: number;
  error_count: number;
  /** The file: relative to the project's root, or absolute when it lies outside. */
  path: string;
  bytes: number;
  sha256: string;
  /** SHA-256 of its lines, however they are compressed. */
  contentSha256: string;
  startedAt: string;
  finishedAt: string;
  /** Commit that answered, as the application says. */
  release: string | null;
  /** Summary with the deals that had errors: path in the evidence folder. */
  summary: string;
}

/** What lies outside of the process; tests bring their own. */
export interface SnapshotWorld {
  timer: Timer;
}

export const realWorld: SnapshotWorld = {
  timer: {
    now: () => performance.now(),
    sleep: async (milliseconds, signal) => void (await sleep(milliseconds, undefined, { signal })),
  },
};

async function checkRelease(
  asker: DealAsker,
  spec: OutputSnapshotSpec,
  deps: StepDeps,
): Promise<string | null> {
  const said = await asker.readRelease();
  const running = said === null ? null : resolveRelease(said, spec.release ? [spec.release] : []);
  if (spec.release === undefined || running === null || running === spec.release) return running;
  throw new StepError(otherRelease(spec, running, deps));
}

async function estimateRows({ change }: OutputSnapshotSpec, deps: StepDeps): Promise<number | undefined> {
  const client = await deps.connect();
  const facts = await readTargetFacts(client, change).finally(() => client.end());
  return facts && facts.estimatedRows >= 0 ? Math.round(facts.estimatedRows) : undefined;
}

/**
 * What tells later whether a row was edited. A snapshot that is gone on with keeps the columns that it began with only if
 * they are still the same, and the moment at which it began.
 */
async function rememberTable(snapshot: StoredSnapshot, reader: KeyReader): Promise<void> {
  const { manifest } = snapshot;
  const columns = await reader.readColumns();
  const begun = manifest.columns === undefined || manifest.columns.join() === columns.join();
  const { moment, clock } = manifest.moment === undefined ? await reader.readMoment() : manifest;
  Object.assign(manifest, { columns: begun ? columns : [], moment, clock });
  writeManifest(snapshot);
}

async function askAll(
  spec: OutputSnapshotSpec,
  asker: DealAsker,
  opened: Awaited<ReturnType<typeof openSnapshot>>,
  deps: StepDeps,
) {
  const { snapshot, tally, previous } = opened;
  const reader = new KeyReader(deps.connect, spec.change, deps.signal, spec.outputs);
  const writer = await LineWriter.open(partialPath(snapshot), tally);
  try {
    const about = await estimateRows(spec, deps);
    await rememberTable(snapshot, reader);
    const { outputs } = spec;
    const { signal, log } = deps;
    return await takeSnapshot({ asker, reader, writer, outputs, signal, log, about, previous });
  } catch (error) {
    return explainFull(error, snapshot);
  } finally {
    await reader.end();
    await writer.close().catch((error) => explainFull(error, snapshot));
  }
}

function saveSummary(
  { manifest }: StoredSnapshot,
  tally: Tally,
  deleted: number,
  deps: StepDeps,
): Promise<string> {
  const content = {
    version: 1,
    total_deals: tally.total,
    success_count: tally.success,
    error_count: tally.errors,
    deleted_meanwhile: deleted,
    startedAt: manifest.startedAt,
    release: manifest.release,
    errors: tally.listed.map(({ key, error }) => ({ deal: key, ...error })),
  };
  return deps.saveArtifact("output-snapshot.json", `${JSON.stringify(content, null, 1)}\n`);
}

async function refuseErrors(
  snapshot: StoredSnapshot,
  tally: Tally,
  gaveUp: boolean,
  summary: string,
  max: number,
) {
  Object.assign(snapshot.manifest, { state: "incomplete" });
  writeManifest(snapshot);
  const lines = tally.listed
    .slice(0, 20)
    .map(({ key, error }) => `  - deal ${key}: ${error?.request}, ${error?.reason}`);
  const more =
    tally.errors > lines.length
      ? [`  … and ${(tally.errors - lines.length).toLocaleString("en-US")} more`]
      : [];
  throw new StepError(
    `output-snapshot: expected at most ${max} deals with an error, got ${tally.errors.toLocaleString("en-US")} of ` +
      `${tally.total.toLocaleString("en-US")}${gaveUp ? " and stopped asking" : ""}:\n${[...lines, ...more].join("\n")}\n` +
      `Mend the cause and run again: only these are asked for again. List: ${summary} (in the evidence folder)`,
  );
}

async function takeNew(spec: OutputSnapshotSpec, deps: StepDeps, world: SnapshotWorld) {
  const { appUrl, outputs } = spec;
  const asker = createAsker({ appUrl, outputs, timer: world.timer, signal: deps.signal });
  try {
    const release = await checkRelease(asker, spec, deps);
    const opened = await openSnapshot(spec, release, deps);
    const { snapshot, tally } = opened;
    const { deleted, gaveUp } = await askAll(spec, asker, opened, deps);
    if ((await asker.readRelease()) !== release) {
      removeUnfinished(snapshot);
      throw new StepError(
        "output-snapshot: expected one release to answer for all deals, got another at the end. Finish the deployment and run again.",
      );
    }
    const summary = await saveSummary(snapshot, tally, deleted, deps);
    if (tally.errors > outputs.maxErrors)
      await refuseErrors(snapshot, tally, gaveUp, summary, outputs.maxErrors);
    await sealSnapshot(snapshot, tally, spec, deps);
    return { snapshot, summary };
  } finally {
    await asker.close();
  }
}

function resultOf(snapshot: StoredSnapshot, summary: string): OutputSnapshotResult {
  const { manifest } = snapshot;
  return {
    total_deals: manifest.totalDeals,
    success_count: manifest.successCount,
    error_count: manifest.errorCount,
    path: shownPath(finalPath(snapshot)),
    bytes: manifest.bytes,
    sha256: manifest.sha256,
    contentSha256: manifest.contentSha256,
    startedAt: manifest.startedAt,
    finishedAt: manifest.finishedAt ?? "",
    release: manifest.release,
    summary,
  };
}

async function applySnapshot(
  spec: OutputSnapshotSpec,
  deps: StepDeps,
  world: SnapshotWorld,
): Promise<OutputSnapshotResult> {
  const finished = await findFinished(spec, deps);
  if (finished) deps.log("the run before broke off after its snapshot: that one is whole and is kept");
  const { snapshot, summary } = finished
    ? { snapshot: finished, summary: await saveSummary(finished, await tallyOf(finished), 0, deps) }
    : await takeNew(spec, deps, world);
  const result = resultOf(snapshot, summary);
  deps.log(
    `output snapshot ${result.path}: ${result.total_deals.toLocaleString("en-US")} deals, ${result.error_count} errors, ${showBytes(result.bytes)}`,
  );
  return result;
}

async function tallyOf(snapshot: StoredSnapshot): Promise<Tally> {
  const tally = new Tally();
  for await (const { key, text, error } of readSnapshot(finalPath(snapshot))) {
    tally.add({ key, text: error ? text : "", ...(error ? { error } : {}) });
  }
  return tally;
}

/** Finished snapshots stay; one that was not finished shows nothing and goes. */
async function undoSnapshot(spec: OutputSnapshotSpec): Promise<UndoResult> {
  const kept: UndoResult["kept"] = [];
  for (const snapshot of ownSnapshots(snapshotFolder(spec.identity.evidenceUrl), spec)) {
    if (snapshot.manifest.state !== "done") removeUnfinished(snapshot);
    else {
      Object.assign(snapshot.manifest, { released: true });
      writeManifest(snapshot);
      kept.push({
        subject: shownPath(finalPath(snapshot)),
        reason: "snapshots are evidence; remove it by hand when it has served",
      });
    }
  }
  return {
    summary: kept.length > 0 ? `kept ${kept.length} of its snapshots` : "no snapshot of it to keep",
    kept,
  };
}

/** Builds the step around what lies outside of the process; the real one is below. */
export function createOutputSnapshot(world: SnapshotWorld = realWorld) {
  return defineStep({
    name: "output-snapshot",
    spec: OutputSnapshotSpec,
    result: OutputSnapshotRecord,
    lease: false,
    deadlineSeconds: 24 * HOUR,
    observe: (spec, deps) => observeSnapshot(spec, questionsDigest(spec), deps, world),
    apply: (spec, deps) => applySnapshot(spec, deps, world),
    undo: undoSnapshot,
  });
}

/**
 * What the application says of every deal, one line each: the state that a later snapshot is compared with.
 * It only reads: keys from the database, outputs by requests that store nothing.
 * @see runbook 0.3; docs/output-snapshot.md
 */
export const outputSnapshot = createOutputSnapshot();
