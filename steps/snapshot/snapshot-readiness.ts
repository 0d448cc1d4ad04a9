import { statSync } from "node:fs";
import type { Client } from "pg";
import { tellError } from "../../errors/report-error.ts";
import { resolveRelease } from "../../hosts/process-proof.ts";
import { describeMissing, freeBytes } from "../../postgres/backup/dump-space.ts";
import { shownPath } from "../../postgres/backup/dump-store.ts";
import { KeyReader } from "../../postgres/deals/key-pages.ts";
import { readTargetFacts, type TargetFacts } from "../../postgres/preflight-facts.ts";
import type { OutputSnapshotSpec, SnapshotWorld } from "../output-snapshot.ts";
import type { Drift, Observation, StepDeps } from "../step.ts";
import { createAsker, type DealAsker } from "./deal-asker.ts";
import { takeAgain } from "./snapshot-again.ts";
import { finalPath, ownSnapshots, type StoredSnapshot, snapshotFolder } from "./snapshot-store.ts";

/** Bytes of a deal's line, taken high: for the room that is looked for before anything is asked. */
const BYTES_PER_DEAL = 2_048;
/** Deals that are asked for to tell how long one takes. */
const SAMPLE = 3;

function targetBlockers(facts: TargetFacts | undefined, { change }: OutputSnapshotSpec): string[] {
  const subject = `${change.schema}.${change.table}`;
  if (!facts)
    return [
      `output-snapshot: expected a table ${subject}, got none. Correct databaseUrl or change in the stack config.`,
    ];
  if (!facts.keyIsPrimary) {
    return [
      `output-snapshot: expected ${change.key} to be the primary key of ${subject}, got another or none. Correct change.key.`,
    ];
  }
  return facts.maySelect
    ? []
    : [`output-snapshot: expected to read ${subject}, got no SELECT right. As ${facts.owner}: GRANT SELECT.`];
}

async function spaceBlockers(folder: string, rows: number): Promise<string[]> {
  const missing = describeMissing(rows * BYTES_PER_DEAL, await freeBytes(folder), shownPath(folder));
  return missing ? [`output-snapshot: ${missing}, or move evidence.url to a larger one.`] : [];
}

function tokenBlockers({ outputs: { tokenVariable } }: OutputSnapshotSpec): string[] {
  if (tokenVariable === undefined || process.env[tokenVariable]) return [];
  return [
    `output-snapshot: expected the variable ${tokenVariable} in the environment, got none. Set it, or remove outputs.tokenVariable.`,
  ];
}

/** That another release answers than the one that the snapshot is to be of, and what to do: it may have been replaced. */
export function otherRelease(
  { release, appUrl, identity }: OutputSnapshotSpec,
  running: string,
  { evidence }: Pick<StepDeps, "evidence">,
): string {
  const expected = `output-snapshot: expected release ${release} at ${appUrl}, got ${running}.`;
  const again = takeAgain(identity, identity.stack, evidence.entries());
  if (again === undefined)
    return `${expected} Deploy the expected one, or correct releases in the stack config.`;
  return (
    `${expected} The rollout has switched to that one since. Put back what asks for another snapshot: outputs, change or ` +
    `releases in the stack config, or the file from a copy of the evidence. Else to take it again, ${again}.`
  );
}

/** Whether the application is there, and runs what it should. */
async function applicationBlockers(
  asker: DealAsker,
  spec: OutputSnapshotSpec,
  deps: StepDeps,
): Promise<string[]> {
  try {
    const running = await asker.readRelease();
    const { release } = spec;
    if (release === undefined || running === null || resolveRelease(running, [release]) === release)
      return [];
    return [otherRelease(spec, running, deps)];
  } catch (error) {
    return [tellError(error)];
  }
}

/** For all deals, by the rate that is allowed and by how long a few of them take. Only GETs are tried. */
async function estimate(
  spec: OutputSnapshotSpec,
  asker: DealAsker,
  rows: number,
  deps: StepDeps,
): Promise<Pick<Observation, "estimateSeconds" | "estimateSource">> {
  const { outputs, change } = spec;
  const requests = outputs.command ? 1 : outputs.requests.length;
  const byRate = (rows * requests) / outputs.requestsPerSecond;
  const least = { estimateSeconds: Math.ceil(byRate), estimateSource: "at the least, by the allowed rate" };
  if (outputs.command || outputs.requests.some(({ method }) => method !== "GET")) return least;
  const reader = new KeyReader(deps.connect, change, deps.signal);
  try {
    const rowsRead = await reader.readPage(undefined, SAMPLE);
    if (rowsRead.length === 0) return { estimateSeconds: 0 };
    const startedAt = performance.now();
    for (const { key } of rowsRead) await asker.ask([key]);
    const each = (performance.now() - startedAt) / 1000 / rowsRead.length;
    const byTrial = (rows * each) / outputs.concurrency;
    if (byTrial <= byRate) return least;
    // One after the other, just now, and before the application is warm: the whole run is mostly faster.
    return { estimateSeconds: Math.ceil(byTrial), estimateSource: `by ${rowsRead.length} asked just now` };
  } finally {
    await reader.end();
  }
}

function findDrift(own: StoredSnapshot | undefined, folder: string): Drift[] {
  if (!own)
    return [{ expected: `an output snapshot of this step in ${shownPath(folder)}`, observed: "none" }];
  const expected = `${shownPath(finalPath(own))} of ${own.manifest.bytes} bytes`;
  const size = statSync(finalPath(own), { throwIfNoEntry: false })?.size;
  if (size === own.manifest.bytes) return [];
  return [{ expected, observed: size === undefined ? "no such file" : `${size} bytes` }];
}

function describePlan(spec: OutputSnapshotSpec, folder: string, rows: number): string[] {
  const { command, requests } = spec.outputs;
  const ask = command
    ? `run ${command.join(" ").slice(0, 200)}`
    : `ask ${requests.map(({ method, path }) => `${method} ${path}`).join(" and ")}`;
  const about = rows >= 0 ? ` (about ${Math.round(rows).toLocaleString("en-US")})` : "";
  return [`${ask} for every deal${about}, into ${shownPath(folder)} (reads only, ACCESS SHARE page by page)`];
}

async function readFacts(client: Client, { change }: OutputSnapshotSpec): Promise<TargetFacts | undefined> {
  return readTargetFacts(client, change).finally(() => client.end());
}

/** Looks at table, application and disk, and asks for a few deals to tell how long all of them will take. */
export async function observeSnapshot(
  spec: OutputSnapshotSpec,
  digest: string,
  deps: StepDeps,
  world: SnapshotWorld,
): Promise<Observation> {
  const folder = snapshotFolder(spec.identity.evidenceUrl);
  const own = ownSnapshots(folder, spec).find(
    ({ manifest }) =>
      manifest.state === "done" && manifest.digest === digest && manifest.generation === spec.generation,
  );
  const drift = findDrift(own, folder);
  const undo = own ? [`keep the output snapshot ${shownPath(finalPath(own))}`] : [];
  if (own && drift.length === 0) return { drift, plan: [], undo, blockers: [] };
  const facts = await readFacts(await deps.connect(), spec);
  const rows = facts?.estimatedRows ?? -1;
  const { appUrl, outputs } = spec;
  const asker = createAsker({ appUrl, outputs, timer: world.timer, signal: deps.signal });
  try {
    const blockers = [
      ...targetBlockers(facts, spec),
      ...tokenBlockers(spec),
      ...(await applicationBlockers(asker, spec, deps)),
      ...(await spaceBlockers(folder, Math.max(0, rows))),
    ];
    const expected = rows >= 0 && blockers.length === 0 ? await estimate(spec, asker, rows, deps) : {};
    return { drift, plan: describePlan(spec, folder, rows), undo, blockers, ...expected };
  } finally {
    await asker.close();
  }
}
