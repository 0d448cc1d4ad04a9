import { z } from "zod";
import type { Host } from "../../config/target.ts";
import { beforeKey } from "../../hosts/before-record.ts";
import { readFlagBefore, restoreFlag, restoreFlagValue } from "../../hosts/flag-before.ts";
import { type FlagPlace, type FlagReading, readFlag, writeFlag } from "../../hosts/flag-file.ts";
import { HostError, type HostReader, type HostWriter } from "../../hosts/host-shell.ts";
import { wantedFlag, wantedRelease } from "../../hosts/ownership.ts";
import type { Wanted } from "../../hosts/process-proof.ts";
import { readReleases, switchRelease } from "../../hosts/release-folder.ts";
import { type Entry, entryKey } from "../../ledger/entries.ts";
import { envFlag } from "../env-flag.ts";
import { resultOf } from "../recorded.ts";
import { releaseSwitch } from "../release-switch.ts";
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
  return wantedBefore(current, value);
}

/** What was there before the rollout may be code that knows no flag, and a line that is neither yes nor no. */
function wantedBefore(release: string, flag: FlagReading["value"]): Wanted {
  return {
    release,
    flag: flag ?? null,
    unknownCounts: true,
    ...(flag === undefined ? { anyFlag: true } : {}),
  };
}

/** The step of the phase that changes this, while it is not undone. */
function stepOf({ phase }: StepIdentity, kind: string, entries: Entries): Entry | undefined {
  return [...entries.values()].find(
    (entry) => entry.phase === phase && entry.kind === kind && entry.state !== "undone",
  );
}

function releaseBefore(identity: StepIdentity, host: Host, entries: Entries) {
  const entry = stepOf(identity, releaseSwitch.name, entries);
  return beforeOn(host, resultOf(releaseSwitch, entry));
}

/** Gives the flag back as it was before the phase. The record stays: the phase is not undone by it. */
async function flagBefore(
  host: Host,
  { identity, place }: { identity: StepIdentity; place: FlagPlace },
  entries: Entries,
  writer: HostWriter,
): Promise<void> {
  const entry = stepOf(identity, envFlag.name, entries);
  if (!entry) return;
  const before = await readFlagBefore(host, beforeKey(entry), writer);
  const told = beforeOn(host, resultOf(envFlag, entry));
  if (before) await restoreFlag(host, place, { before, wanted: undefined }, writer);
  else if (told !== undefined) await restoreFlagValue(host, place, told, writer);
}

const Proven = z.object({ basis: z.object({ release: z.string(), flag: z.boolean().nullable() }) });

/** What the processes said after the restart that this one follows; undefined for the phase's first. */
function lastProven(identity: StepIdentity, entries: Entries) {
  return Proven.safeParse(entries.get(entryKey(identity))?.doneSpec).data?.basis;
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
  const release = proven?.release ?? releaseBefore(identity, host, entries);
  const reading = await readReleases(host, writer);
  if (release && ownsRelease) await switchRelease(host, { to: release, reading }, writer);
  if (proven) {
    const was = await readFlag(host, place, writer);
    await writeFlag(host, place, { value: flagText(proven.flag), reading: was }, writer);
  } else await flagBefore(host, { identity, place }, entries, writer);
  const { current } = await readReleases(host, writer);
  const { value } = await readFlag(host, place, writer);
  return wantedBefore(current ?? "", value);
}
