import type { Host } from "../../config/target.ts";
import { type FlagPlace, readFlag, writeFlag } from "../../hosts/flag-file.ts";
import { HostError, type HostReader, type HostWriter } from "../../hosts/host-shell.ts";
import { wantedFlag, wantedRelease } from "../../hosts/ownership.ts";
import type { Wanted } from "../../hosts/process-proof.ts";
import { readReleases, switchRelease } from "../../hosts/release-folder.ts";
import { type Entry, entryKey } from "../../ledger/entries.ts";
import type { StepIdentity } from "../step.ts";
import { beforeOn, shortSha } from "./host-work.ts";

type Entries = ReadonlyMap<string, Entry>;

/**
 * What a process that is started now on this host would run, by the files that it starts from.
 * @throws {HostError} when they are not what the evidence wants, or `current` is no release.
 */
export async function wantedByFiles(
  host: Host,
  { identity, place }: { identity: StepIdentity; place: FlagPlace },
  entries: Entries,
  reader: HostReader,
): Promise<Wanted> {
  const { current } = await readReleases(host, reader);
  const { value, text } = await readFlag(host, place, reader);
  const [release, flag] = [wantedRelease(entries, identity), wantedFlag(entries, identity)];
  const next = "Correct it, or run the step that owns it again.";
  const fault = (expected: string, got: string) =>
    new HostError("restart", host.name, `expected ${expected} on ${host.name}, got ${got}. ${next}`);
  if (!current || (release !== undefined && release !== current))
    throw fault(`current at ${release ? shortSha(release) : "a release"}`, shortSha(current));
  if (flag !== undefined && flag !== value) throw fault(`${place.variable}=${flag}`, text ?? "no such line");
  // What was there before the rollout may be code that knows no flag, whatever the file says.
  return { release: current, flag: value ?? null, unknownCounts: true };
}

function beforePhase({ phase }: StepIdentity, kind: string, host: Host, entries: Entries) {
  const entry = [...entries.values()].find(
    (candidate) => candidate.phase === phase && candidate.kind === kind && candidate.state !== "undone",
  );
  return beforeOn(host, entry?.result as { before: Record<string, string | null> } | undefined, undefined);
}

/** What the processes said after the restart that this one follows; undefined for the phase's first. */
function lastProven(identity: StepIdentity, entries: Entries) {
  return entries.get(entryKey(identity))?.doneSpec?.basis as Pick<Wanted, "release" | "flag"> | undefined;
}

/** What the flag's line says then; null for none. */
const flagText = (flag: Wanted["flag"]) => (flag === null ? null : String(flag));

/**
 * Gives a host the release link and the flag line back that it ran with: what was last proven on it, or what it had
 * before the phase. A release that a later phase owns stays. @returns what the host has to run then.
 */
export async function putBackFiles(
  host: Host,
  { identity, place, ownsRelease }: { identity: StepIdentity; place: FlagPlace; ownsRelease: boolean },
  entries: Entries,
  writer: HostWriter,
): Promise<Wanted> {
  const proven = lastProven(identity, entries);
  const release = proven?.release ?? beforePhase(identity, "release-switch", host, entries);
  const flag = proven ? flagText(proven.flag) : beforePhase(identity, "env-flag", host, entries);
  const reading = await readReleases(host, writer);
  if (release && ownsRelease) await switchRelease(host, { to: release, reading }, writer);
  if (flag !== undefined) await writeFlag(host, place, flag, writer);
  const { current } = await readReleases(host, writer);
  const { value } = await readFlag(host, place, writer);
  return { release: current ?? "", flag: value ?? null, unknownCounts: true };
}
