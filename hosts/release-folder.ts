import { resolve } from "node:path";
import type { HostFolder } from "../config/target.ts";
import { hideCredentials } from "../config/value-text.ts";
import { quoteWords } from "../system/shell-word.ts";
import { HostError, type HostReader, type HostWriter } from "./host-shell.ts";

const LOOK_MS = 120_000;
/** Fetching and installing dependencies: the step's own deadline is shorter where it has to be. */
const INSTALL_MS = 3_600_000;

/** One release in a host's folder `releases/`. */
export interface InstalledRelease {
  sha: string;
  /** False while its installation has not ended, or after one that was killed. */
  whole: boolean;
  /** When its folder last changed, seconds since 1970 by the host's clock. */
  changedAt: number;
  /** Tracked files that differ from the commit, when that was asked and the host has the commit. */
  changed?: { files: number; first: string };
}

/** What a host has, and what its processes would start from. */
export interface ReleaseReading {
  /** Commit that `current` points at; absent when it points at no release. */
  current?: string;
  /** Where `current` points, as it stands there; empty for nowhere. What a switch compares. */
  link: string;
  installed: InstalledRelease[];
}

function parseReading(host: HostFolder, answer: string): ReleaseReading {
  const reading: ReleaseReading = { link: "", installed: [] };
  for (const line of answer.split("\n")) {
    const [what, sha = "", third = "", ...rest] = line.split(" ");
    if (what === "current") reading.link = line.slice("current ".length);
    if (what === "current-is") reading.link = "(no link)";
    if (what === "release")
      reading.installed.push({ sha, whole: third === "whole", changedAt: Number(rest[0]) });
    const compared = what === "compared" && reading.installed.find((release) => release.sha === sha);
    if (compared) compared.changed = { files: Number(third), first: rest.join(" ") };
  }
  const prefix = [`${host.appDir}/releases/`, "releases/", "./releases/"].find((start) =>
    reading.link.startsWith(start),
  );
  const current = prefix === undefined ? "" : reading.link.slice(prefix.length).replace(/\/$/, "");
  return /^[0-9a-f]{40}$/.test(current) ? { ...reading, current } : reading;
}

/** Reads which releases a host has. @param check commits whose files are compared with the commit. */
export async function readReleases(
  host: HostFolder,
  { shell, signal }: HostReader,
  check: readonly string[] = [],
): Promise<ReleaseReading> {
  const parameters = { app_dir: host.appDir, check: check.join(" ") };
  const script = { name: "releases-read", parts: ["release-git"], parameters };
  return parseReading(host, await shell.run(host, script, { timeoutMs: LOOK_MS, signal }));
}

/** What to install. */
export interface ReleaseSource {
  /** URL, or path; a relative one starts at the project's root, which every command runs in. */
  repository: string;
  sha: string;
  /** Command run in the release's folder; `{release}` = the commit. */
  install?: readonly string[];
}

function locate(repository: string): string {
  const remote = /^[a-z+]+:\/\//.test(repository) || /^[^/]+:/.test(repository);
  return remote ? repository : resolve(repository);
}

/**
 * Installs a release beside the others: nothing that runs notices. One that is there gets the tracked files back that
 * someone changed, in place, since `current` may point at it.
 * @returns `installed`, or how many files were put back.
 * @throws {HostError} for a commit that the repository lacks, no space, an installation that fails. No half release is
 * left then; one that a kill left is marked, never switched to, and taken away by the next run.
 */
export async function installRelease(
  host: HostFolder,
  { repository, sha, install = [] }: ReleaseSource,
  { shell, signal, token }: HostWriter,
): Promise<"installed" | { repaired: number }> {
  if (!/^[0-9a-f]{40}$/.test(sha))
    throw new HostError("release", host.name, `expected a commit of 40 hex digits, got ${sha}. Pin one.`);
  const words = install.map((word) => word.replaceAll("{release}", sha));
  const parameters = {
    app_dir: host.appDir,
    repository: locate(repository),
    sha,
    install: quoteWords(words),
  };
  const lease = { appDir: host.appDir, token };
  const script = { name: "release-install", parts: ["release-git"], parameters, lease };
  const answer = await shell.run(host, script, { timeoutMs: INSTALL_MS, signal }).catch((error: unknown) => {
    throw withoutCredentials(error);
  });
  const [, count] = /^repaired (\d+)/m.exec(answer) ?? [];
  return count === undefined ? "installed" : { repaired: Number(count) };
}

function withoutCredentials(error: unknown): unknown {
  return error instanceof HostError
    ? new HostError("release-install", error.host, hideCredentials(error.reason))
    : error;
}

/**
 * Points `current` at a release by one rename, if it still points where `reading` says.
 * @throws {HostError} when the release is not there or not whole, or someone else has switched since.
 */
export async function switchRelease(
  host: HostFolder,
  { to, reading }: { to: string; reading: ReleaseReading },
  { shell, signal, token }: HostWriter,
): Promise<void> {
  if (reading.current === to) return;
  const parameters = { app_dir: host.appDir, to, expected: reading.link };
  const lease = { appDir: host.appDir, token };
  const script = { name: "release-switch", parameters, lease };
  await shell.run(host, script, { timeoutMs: LOOK_MS, signal });
}

/** Releases that may go: all but the current one, the wanted ones and the `keep` newest others. Pure. */
export function releasesToPrune(
  { current, installed }: ReleaseReading,
  { wanted, keep }: { wanted: ReadonlySet<unknown>; keep: number },
): string[] {
  return installed
    .filter(({ sha }) => sha !== current && !wanted.has(sha))
    .sort((a, b) => b.changedAt - a.changedAt || (a.sha < b.sha ? -1 : 1))
    .slice(keep)
    .map(({ sha }) => sha);
}

/** Removes releases; the current one stays whatever is asked. */
export async function removeReleases(
  host: HostFolder,
  shas: readonly string[],
  { shell, signal, token }: HostWriter,
): Promise<void> {
  if (shas.length === 0) return;
  const parameters = { app_dir: host.appDir, shas: shas.join(" ") };
  const script = { name: "release-remove", parameters, lease: { appDir: host.appDir, token } };
  await shell.run(host, script, { timeoutMs: LOOK_MS, signal });
}
