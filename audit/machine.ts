import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { findOnPath } from "../bin/programs.mjs";
import { StepError } from "../errors/step-error.ts";
import { childEnvironment, runProgram } from "../processes/child-process.ts";
import { lineEnd } from "../system/plain-line.ts";

/** How this machine can be told to run something later. */
export type Way =
  | { kind: "systemd"; scope: "system" | "user"; folder: string }
  | { kind: "cron" }
  | { kind: "none"; reason: string };

/** Where the machine keeps such things; tests bring their own. */
export interface Places {
  host: string;
  /** There where systemd runs the machine. */
  booted: string;
  systemUnits: string;
  userUnits: string;
  isRoot: boolean;
  /** Path of Node, which the audit is run by. */
  node: string;
}

export const realPlaces: Places = {
  host: hostname(),
  booted: "/run/systemd/system",
  systemUnits: "/etc/systemd/system",
  userUnits: join(process.env.XDG_CONFIG_HOME ?? join(homedir(), ".config"), "systemd/user"),
  isRoot: process.getuid?.() === 0,
  node: process.execPath,
};

/** What a user's own systemd is reached by. */
function sessionEnvironment(): Record<string, string> {
  const { XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS } = process.env;
  return {
    ...childEnvironment(),
    ...(XDG_RUNTIME_DIR ? { XDG_RUNTIME_DIR } : {}),
    ...(DBUS_SESSION_BUS_ADDRESS ? { DBUS_SESSION_BUS_ADDRESS } : {}),
  };
}

const TIMEOUT_MS = 30_000;
const run = (argv: readonly string[]) =>
  runProgram(argv, { environment: sessionEnvironment(), timeoutMs: TIMEOUT_MS });

async function runOrFail(argv: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr, failure } = await run(argv);
  if (exitCode === 0 && !failure) return stdout;
  throw new StepError(
    `scheduled-audit: expected ${argv.join(" ")} to succeed, got ${failure ?? lineEnd(stderr)}. ` +
      "Mend it, or set audit.install to false and install what preview shows by hand.",
  );
}

/** The way that is open here: systemd as root, the user's own, cron, or none. */
export async function findWay({ booted, systemUnits, userUnits, isRoot }: Places): Promise<Way> {
  if (existsSync(booted) && findOnPath("systemctl")) {
    if (isRoot) return { kind: "systemd", scope: "system", folder: systemUnits };
    const { exitCode } = await run(["systemctl", "--user", "show-environment"]);
    if (exitCode === 0) return { kind: "systemd", scope: "user", folder: userUnits };
  }
  if (findOnPath("crontab")) return { kind: "cron" };
  return { kind: "none", reason: "neither a systemd that runs nor crontab is there" };
}

const systemctl = (scope: "system" | "user", ...words: string[]) => [
  "systemctl",
  ...(scope === "user" ? ["--user"] : []),
  ...words,
];

export async function enableTimer(scope: "system" | "user", timer: string): Promise<void> {
  await runOrFail(systemctl(scope, "daemon-reload"));
  await runOrFail(systemctl(scope, "enable", "--now", timer));
}

export async function isTimerEnabled(scope: "system" | "user", timer: string): Promise<boolean> {
  return (await run(systemctl(scope, "is-enabled", timer))).stdout.trim() === "enabled";
}

/** Before its files go: systemd has to know what it disables. */
export async function disableTimer(scope: "system" | "user", timer: string): Promise<void> {
  await runOrFail(systemctl(scope, "disable", "--now", timer));
}

export const reloadUnits = (scope: "system" | "user") => runOrFail(systemctl(scope, "daemon-reload"));

/** The lines of this user's crontab; none where there is none. */
export async function readCrontab(): Promise<string[]> {
  const { exitCode, stdout, stderr } = await run(["crontab", "-l"]);
  if (exitCode === 0) return stdout.split("\n").filter((line, at, all) => line !== "" || at < all.length - 1);
  if (/no crontab/i.test(stderr)) return [];
  throw new StepError(`scheduled-audit: expected crontab -l to succeed, got ${lineEnd(stderr)}. Mend it.`);
}

export async function writeCrontab(lines: readonly string[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "rollout-crontab-"));
  try {
    const file = join(folder, "crontab");
    await writeFile(file, lines.map((line) => `${line}\n`).join(""), { mode: 0o600 });
    await runOrFail(["crontab", file]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
