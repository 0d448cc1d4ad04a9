import { z } from "zod";
import type { HostFolder } from "../config/target.ts";
import type { Entry } from "../ledger/entries.ts";
import { HostError, type HostWriter } from "./host-shell.ts";

const TIMEOUT_MS = 45_000;

/** What is on the host's disk: what was there before, as data, and what this attempt of the step has left since. */
const BeforeRecord = z.strictObject({
  before: z.json(),
  /** Each state that a try of this attempt meant to leave, by its mark: found again, it is not somebody else's. */
  left: z.array(z.string()),
});
type BeforeRecord = z.infer<typeof BeforeRecord>;

/** One attempt of one step: after an undo, what is there before the next apply is another thing. */
export function beforeKey({ phase, step, since }: Pick<Entry, "phase" | "step" | "since">): string {
  return `${phase}.${step}.${since}`;
}

async function run(
  host: HostFolder,
  parameters: Record<string, string>,
  { shell, signal, token }: HostWriter,
): Promise<string> {
  const script = { name: "before-record", parameters, lease: { appDir: host.appDir, token } };
  return (await shell.run(host, script, { timeoutMs: TIMEOUT_MS, signal })).trim();
}

async function readRecord(
  host: HostFolder,
  key: string,
  writer: HostWriter,
): Promise<BeforeRecord | undefined> {
  const text = await run(host, { key, value: "", forget: "" }, writer);
  if (text === "") return undefined;
  try {
    return BeforeRecord.parse(JSON.parse(text));
  } catch (cause) {
    throw unreadableRecord(host, key, cause);
  }
}

/** A record that is not what this program writes: nobody can know from it what was there. */
export function unreadableRecord(host: HostFolder, key: string, cause: unknown): HostError {
  const file = `${host.appDir}/.rollout/before/${key}`;
  const reason =
    `expected the record ${file} on ${host.name} as this program writes it, got something else. ` +
    "Put back by hand what was there before, remove that file, then run again.";
  return new HostError("before-record", host.name, reason, { cause });
}

/** A change that is about to be made on a host. */
export interface Change<Before> {
  /** What is there now, as the undo will need it. */
  before: Before;
  /** Mark of that, and of what the change leaves. */
  found: string;
  leaves: string;
  /** The step came to its end before: what somebody changed since is drift, and not what was there before it. */
  isRepair: boolean;
}

/**
 * Keeps on the host what was there, on disk before the change itself: a step that is killed in the middle has no result
 * in the evidence yet, and its undo needs this. What an earlier try of the same attempt kept stands as long as its own
 * change is found; where somebody changed the thing after a try that failed, this try sees what was there before.
 * @returns what is kept.
 */
export async function keepBefore<Before>(
  host: HostFolder,
  key: string,
  change: Change<Before>,
  writer: HostWriter,
): Promise<Before> {
  const kept = await readRecord(host, key, writer);
  const stands = kept !== undefined && (change.isRepair || kept.left.includes(change.found));
  const before = stands ? kept.before : change.before;
  const left = [...new Set([...(stands ? kept.left : []), change.leaves])];
  await run(host, { key, value: JSON.stringify({ before, left }), forget: "" }, writer);
  return before as Before;
}

/** What was kept; undefined when the step has changed nothing on this host. */
export async function readBefore(host: HostFolder, key: string, writer: HostWriter): Promise<unknown> {
  return (await readRecord(host, key, writer))?.before;
}

/** Removes it once the step is undone on this host. */
export async function forgetBefore(host: HostFolder, key: string, writer: HostWriter): Promise<void> {
  await run(host, { key, value: "", forget: "yes" }, writer);
}
