import { z } from "zod";
import { ConfigError, readSettings } from "../../config/load.ts";
import { phaseTitle } from "../../config/phase.ts";
import { localShell } from "../../hosts/local-shell.ts";
import { Chain } from "../../ledger/chain.ts";
import { type Entry, foldEntries } from "../../ledger/entries.ts";
import { leftCommands, leftOf } from "../../ledger/left.ts";
import { type LockHolder, readLock, takeLock } from "../../ledger/lock.ts";
import { evidenceFolder } from "../../ledger/store.ts";
import { endProcess } from "../../processes/end-process.ts";
import { isAlive } from "../../processes/process-identity.ts";
import { CANCEL_GRACE_MS } from "../../steps/cancellation.ts";
import { capturePulumi } from "../pulumi.ts";
import { readStackSource } from "../stack-source.ts";
import { logLine } from "../verb.ts";
import { type AbandonWish, abandonHost } from "./abandon-host.ts";
import { findEngineOf } from "./engine-process.ts";
import { clearEngineLock, clearPendingOperations, liveRun, refuseLiveEngine } from "./engine-state.ts";

/** What a cancelled step grants itself, and a little more. */
const GRACE_MS = CANCEL_GRACE_MS + 2_000;

const READER = { shell: localShell, signal: new AbortController().signal };

/** Ends the step process that a killed run left, and no other: known by pid, start time and boot. */
async function endOrphan(stack: string, holder: LockHolder | undefined): Promise<string> {
  if (!holder || isAlive(holder) === false) return "no step process left";
  if (isAlive(holder) === undefined) {
    return `a step process on ${holder.host} (pid ${holder.pid}, ${holder.doing}) cannot be looked at from here: run recover there`;
  }
  const engine = findEngineOf(holder.pid);
  if (engine) throw liveRun(stack, engine, holder.since);
  logLine(`recover: ending \`${holder.doing}\` (pid ${holder.pid}): it may finish the batch in hand`);
  const how = await endProcess(holder, { graceMs: GRACE_MS, group: true });
  return `${how} the step process of \`${holder.doing}\` (pid ${holder.pid})`;
}

const Stopped = z.object({ maintenance: z.object({ start: z.array(z.string()) }) });

/** The evidence alone can't tell whether they run; whoever recovers must know that they may not. */
function sayOfWriters({ spec }: Entry): string[] {
  const start = Stopped.safeParse(spec).data?.maintenance.start;
  if (!start) return [];
  return [
    `the writers may be stopped: going on and going back both start them (${start.join(" ").slice(0, 200)})`,
  ];
}

/** What is half-done, and how it goes on; empty where nothing is. */
export function sayWhatResumes({ records }: Chain, stack: string, wanted: number | undefined): string[] {
  const left = leftOf(records).length > 0 ? [`an undo has left something. ${leftCommands(stack)}`] : [];
  const half = [...foldEntries(records).values()].filter(({ state }) => state === "half-done");
  if (half.length === 0) return left;
  return [
    ...left,
    ...half.map(({ phase, step }) => `half-done: ${phase}/${step}`),
    ...half.flatMap(sayOfWriters),
    `to go on:   npx rollout up --stack ${stack}${wanted === undefined ? "" : `   (${phaseTitle(wanted)} is wanted)`}`,
    `to go back: npx rollout config set phase <lower> --stack ${stack}, then up; or npx rollout destroy --stack ${stack}`,
  ];
}

/**
 * Ends what a killed run left and makes the stack ready for `up`; safe at any time.
 * @param without a host that is gone for good.
 * @returns what was done and what will resume, one line each.
 * @throws {StepError} when a run is at work that nobody killed.
 */
export async function recoverRun(stack: string, without?: AbandonWish): Promise<string[]> {
  if (!(await isStackKnown(stack))) return [`there is no stack ${stack} yet: nothing to recover`];
  // Faults elsewhere in the configuration are told in the end: what a killed run left has to go all the same.
  const { settings, faults } = readSettings(await readStackSource(stack));
  if (!settings.evidence) throw new ConfigError(faults);
  const folder = evidenceFolder(settings.evidence.url);
  await refuseLiveEngine(stack);
  const orphan = await endOrphan(stack, readLock(folder));
  await clearEngineLock(stack);
  const pending = await clearPendingOperations(stack);
  const release = takeLock(folder, "recover");
  try {
    const chain = Chain.open(folder);
    const done = [
      orphan,
      "Pulumi's lock is clear",
      ...(pending.length === 0
        ? ["no operation was pending"]
        : pending.map((what) => `cleared pending operation: ${what}`)),
    ];
    if (chain.records.length > 0)
      chain.append({ record: "event", event: "recovered", note: done.join("; ") });
    if (without) done.push(...(await abandonHost(chain, without, READER)));
    const resumes = sayWhatResumes(chain, stack, settings.phase);
    return [...done, ...(resumes.length > 0 ? resumes : ["nothing is half-done"]), ...faults];
  } finally {
    release();
  }
}

async function isStackKnown(stack: string): Promise<boolean> {
  const { exitCode, stderr } = await capturePulumi(["stack", "export"], { stack });
  return exitCode === 0 || !/no stack named/.test(stderr);
}
