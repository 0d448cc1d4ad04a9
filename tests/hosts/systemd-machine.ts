import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { temporaryFolder } from "../temporary-folder.ts";

/** A machine of its own with a real systemd, on a throwaway copy of this one's files. It shares this one's network. */
export interface SystemdMachine {
  /** Where its files are seen from here: `join(root, "/etc/…")`. Its `/tmp` is its own. */
  root: string;
  /** Folder for `hosts[].path`: what localShell runs with it runs in the machine. */
  path: string;
  /** Runs a program in the machine. @returns stdout. @throws when it fails. */
  run(program: string, ...args: string[]): Promise<string>;
  /** Writes a unit or another file, folders included. Units are known after `daemon-reload`. */
  write(file: string, text: string, mode?: number): void;
  /** Switches it off and takes its files away. */
  stop(): Promise<void>;
}

const BOOT_MS = 90_000;

/** Why no machine can be had here; undefined when one can. A test is skipped with this, aloud. */
export function whyNoMachine(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "systemd-nspawn needs root on Linux";
  try {
    execFileSync("systemd-nspawn", ["--version"], { stdio: "ignore" });
    execFileSync("nsenter", ["--version"], { stdio: "ignore" });
  } catch {
    return "systemd-nspawn is not installed (apt-get install systemd-container)";
  }
  const folder = temporaryFolder("overlay");
  try {
    mountOverlay(folder);
    unmountOverlay(folder);
  } catch {
    return "an overlay of / cannot be mounted here";
  }
  return undefined;
}

function mountOverlay(folder: string): string {
  execFileSync("mount", ["-t", "tmpfs", "tmpfs", folder], { stdio: "pipe" });
  const [upper, work, root] = ["upper", "work", "root"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const made of [upper, work, root]) mkdirSync(made);
  const options = `lowerdir=/,upperdir=${upper},workdir=${work}`;
  execFileSync("mount", ["-t", "overlay", "overlay", "-o", options, root], { stdio: "pipe" });
  return root;
}

function unmountOverlay(folder: string): void {
  for (const mounted of [join(folder, "root"), folder])
    try {
      execFileSync("umount", ["--lazy", mounted], { stdio: "pipe" });
    } catch {
      // It was not mounted.
    }
}

/** The machine's first process, as this machine numbers it. */
function findInit(nspawn: number): number | undefined {
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry)))
    try {
      const status = readFileSync(`/proc/${name}/status`, "utf8");
      const isInit = /^NSpid:.*\t1$/m.test(status) && new RegExp(`^PPid:\\t${nspawn}$`, "m").test(status);
      if (isInit) return Number(name);
    } catch {
      // It has ended meanwhile.
    }
  return undefined;
}

/**
 * Boots a machine and waits until its systemd takes jobs.
 * @param bind folders of this machine that it sees at the same place.
 */
export async function bootMachine(bind: readonly string[] = []): Promise<SystemdMachine> {
  const folder = temporaryFolder("machine");
  const root = mountOverlay(folder);
  const path = temporaryFolder("machine-path");
  const write: SystemdMachine["write"] = (file, text, mode = 0o644) => {
    mkdirSync(join(root, file, ".."), { recursive: true });
    writeFileSync(join(root, file), text, { mode });
  };
  write("/etc/machine-id", `${process.pid.toString(16).padStart(32, "a")}\n`);
  const options = ["--register=no", "--keep-unit", "--console=pipe", "--link-journal=no", "--quiet"];
  const binds = bind.map((one) => `--bind=${one}`);
  const argv = ["-b", ...options, ...binds, "-D", root, "systemd.unit=basic.target"];
  const nspawn = spawn("systemd-nspawn", argv, { stdio: "ignore" });
  const exited = once(nspawn, "exit");
  const init = () => (nspawn.pid === undefined ? undefined : findInit(nspawn.pid));
  const stop = async () => {
    const leader = init();
    if (leader !== undefined) process.kill(leader, "SIGKILL");
    else nspawn.kill("SIGKILL");
    await exited;
    unmountOverlay(folder);
    for (const made of [folder, path]) rmSync(made, { recursive: true, force: true });
  };
  // A test that is killed must not leave mounts behind.
  process.once("exit", () => unmountOverlay(folder));
  let leader: number | undefined;
  const enter = () => ["-t", String(leader), "-m", "-u", "-i", "-n", "-p", "-C", "--"];
  const run: SystemdMachine["run"] = async (program, ...args) =>
    (await promisify(execFile)("nsenter", [...enter(), program, ...args])).stdout;
  for (const until = Date.now() + BOOT_MS; ; await sleep(200)) {
    leader ??= init();
    const state = leader === undefined ? "" : await run("systemctl", "is-system-running").catch(stateOf);
    if (/running|degraded/.test(state)) break;
    if (Date.now() < until && nspawn.exitCode === null) continue;
    await stop();
    throw new Error(`expected a machine that runs within ${BOOT_MS / 1000} s, got ${state || "no systemd"}`);
  }
  // What localShell starts is `timeout`: with this one first on PATH all of it runs in the machine.
  const words = enter().join(" ");
  writeFileSync(join(path, "timeout"), `#!/bin/sh\nexec nsenter ${words} /usr/bin/timeout "$@"\n`, {
    mode: 0o755,
  });
  return { root, path, run, write, stop };
}

/** `is-system-running` fails with the state on stdout while it starts, and where a unit has failed. */
const stateOf = (error: { stdout?: string }) => error.stdout?.trim() ?? "";
