import type { HostFolder } from "../config/target.ts";
import type { Entry } from "../ledger/entries.ts";
import type { HostWriter } from "./host-shell.ts";

const TIMEOUT_MS = 45_000;

/** What was on a host before a step's first change: text, or null where there was nothing. */
export type Before = string | null;

/** One attempt of one step: after an undo, what is there before the next apply is another thing. */
export function beforeKey({ phase, step, since }: Pick<Entry, "phase" | "step" | "since">): string {
  return `${phase}.${step}.${since}`;
}

async function run(
  host: HostFolder,
  parameters: Record<string, string>,
  { shell, signal, token }: HostWriter,
): Promise<Before | undefined> {
  const script = { name: "before-record", parameters, lease: { appDir: host.appDir, token } };
  const kept = (await shell.run(host, script, { timeoutMs: TIMEOUT_MS, signal })).trim();
  return kept === "" ? undefined : (JSON.parse(kept) as Before);
}

/**
 * Keeps on the host what was there, on disk before the change itself: a step that is killed in the middle has no
 * result in the evidence yet, and its undo needs this. Written once; a repair does not write it over.
 * @returns what is kept.
 */
export async function keepBefore(
  host: HostFolder,
  key: string,
  value: Before,
  writer: HostWriter,
): Promise<Before> {
  const kept = await run(host, { key, value: JSON.stringify(value), forget: "" }, writer);
  return kept === undefined ? value : kept;
}

/** What was kept; undefined when the step has changed nothing on this host. */
export async function readBefore(
  host: HostFolder,
  key: string,
  writer: HostWriter,
): Promise<Before | undefined> {
  return run(host, { key, value: "", forget: "" }, writer);
}

/** Removes it once the step is undone on this host. */
export async function forgetBefore(host: HostFolder, key: string, writer: HostWriter): Promise<void> {
  await run(host, { key, value: "", forget: "yes" }, writer);
}
