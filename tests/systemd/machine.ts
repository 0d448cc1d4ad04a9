import { execFileSync, spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdirSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { findOnPath } from "../../bin/programs.mjs";
import { temporaryFolder } from "../temporary-folder.ts";

/** Services of this machine that a test's own machine does without: they would take the same ports. */
const MASKED = [
  "avahi-daemon.service",
  "avahi-daemon.socket",
  "cups.service",
  "cups.socket",
  "cups-browsed.service",
  "postgresql.service",
  "postgresql@15-main.service",
  "ssh.service",
  "ssh.socket",
];

const BOOT_SECONDS = 60;

export interface MachineOptions {
  /** Files written before it boots, by their path there. */
  files?: Record<string, string>;
  /** Folders of this machine that are the same there: everything else is a copy that goes when it stops. */
  shared?: string[];
}

/** How a command on the machine ended; both streams in the order they came. */
export interface MachineOutcome {
  exitCode: number;
  output: string;
}

/**
 * A machine with a real systemd and journald, in a container of systemd-nspawn. Its files are this machine's, on an
 * overlay: what changes there changes there alone, and goes with it. It shares this machine's network.
 */
export class SystemdMachine {
  /** Folder for `hosts[].path`: what localShell runs with it runs there. */
  readonly path: string;
  readonly #folder: string;
  readonly #container: number;
  readonly #init: number;

  private constructor(folder: string, container: number, init: number) {
    this.path = join(folder, "path");
    mkdirSync(this.path);
    // What localShell starts is `timeout`: with this one first on PATH all of it runs in the machine.
    const shim = `#!/bin/sh\nexec nsenter --target ${init} --all /usr/bin/timeout "$@"\n`;
    writeFileSync(join(this.path, "timeout"), shim, { mode: 0o755 });
    this.#folder = folder;
    this.#container = container;
    this.#init = init;
  }

  /** Why no such machine can be had here, or `undefined` where one can. */
  static missing(): string | undefined {
    if (process.getuid?.() !== 0) return "only root may boot one";
    if (!findOnPath("systemd-nspawn")) return "systemd-nspawn is not installed (package systemd-container)";
    try {
      execFileSync("unshare", ["--mount", "true"], { stdio: "ignore" });
    } catch {
      return "this user may not make namespaces";
    }
    return undefined;
  }

  /** Boots one; it is ready for commands then. @throws when it does not come up in a minute. */
  static async boot({ files = {}, shared = [] }: MachineOptions = {}): Promise<SystemdMachine> {
    const folder = temporaryFolder("machine");
    // Before the folder's own removal at exit, which would walk through the whole of a mounted root.
    process.prependOnceListener("exit", () => unmount(folder));
    const root = mountRoot(folder);
    for (const [path, text] of Object.entries(files)) writeInto(root, path, text);
    for (const unit of MASKED) mask(root, unit);
    writeInto(root, "/etc/machine-id", `${randomUUID().replaceAll("-", "")}\n`);
    // The overlay's /var/log would be this machine's: its journal is no business of the new one.
    rmSync(join(root, "var/log/journal"), { recursive: true, force: true });
    const container = startContainer(folder, root, shared);
    const init = await waitForBoot(container, join(folder, "console"));
    return new SystemdMachine(folder, container, init);
  }

  /** Runs a line of shell there, as root; a non-zero exit is an answer, not an error. */
  async try(line: string, environment: Record<string, string> = {}): Promise<MachineOutcome> {
    const variables = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root" };
    const { exitCode, all } = await execa(
      "nsenter",
      ["--target", String(this.#init), "--all", "/bin/sh", "-c", line],
      { env: { ...variables, ...environment }, extendEnv: false, all: true, reject: false, stdin: "ignore" },
    );
    return { exitCode: exitCode ?? -1, output: all };
  }

  /** Runs a line of shell there that has to succeed. @returns what it printed. */
  async run(line: string, environment?: Record<string, string>): Promise<string> {
    const { exitCode, output } = await this.try(line, environment);
    if (exitCode !== 0) throw new Error(`${line}: exit code ${exitCode}\n${output}`);
    return output.trim();
  }

  /** Writes a unit or another file there, folders included. Units are known after `daemon-reload`. */
  write(path: string, text: string): void {
    writeInto(join(this.#folder, "disk/root"), path, text);
  }

  /** Ends every process of the machine and removes its files. */
  async stop(): Promise<void> {
    end(this.#container);
    for (let turn = 0; turn < 100 && isThere(this.#container); turn += 1) await pause(50);
    unmount(this.#folder);
  }
}

/** Takes the layers of a machine off, whichever of them are there. */
function unmount(folder: string): void {
  for (const layer of ["disk/root", "disk"])
    spawnSync("umount", ["--lazy", join(folder, layer)], { stdio: "ignore" });
}

/** This machine's files under a layer that takes what is written, in memory. */
function mountRoot(folder: string): string {
  const disk = join(folder, "disk");
  mkdirSync(disk);
  execFileSync("mount", ["-t", "tmpfs", "tmpfs", disk]);
  const layer = (name: string) => join(disk, name);
  for (const name of ["upper", "work", "root"]) mkdirSync(layer(name));
  const options = `lowerdir=/,upperdir=${layer("upper")},workdir=${layer("work")}`;
  execFileSync("mount", ["-t", "overlay", "overlay", "-o", options, layer("root")]);
  return layer("root");
}

function writeInto(root: string, path: string, text: string): void {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  rmSync(file, { force: true });
  writeFileSync(file, text);
}

function mask(root: string, unit: string): void {
  const link = join(root, "etc/systemd/system", unit);
  rmSync(link, { force: true });
  symlinkSync("/dev/null", link);
}

function startContainer(folder: string, root: string, shared: string[]): number {
  const console = openSync(join(folder, "console"), "w");
  const binds = shared.map((path) => `--bind=${path}`);
  const name = `rollout-${process.pid}-${Date.now().toString(36)}`;
  const words = ["--boot", "--register=no", "--keep-unit", "--console=pipe", `--machine=${name}`];
  const child = spawn("systemd-nspawn", [...words, `--directory=${root}`, ...binds], {
    detached: true,
    stdio: ["ignore", console, console],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error("systemd-nspawn did not start");
  child.unref();
  process.prependOnceListener("exit", () => end(pid));
  return pid;
}

/** @returns the pid, here, of the machine's own systemd. */
async function waitForBoot(container: number, consoleFile: string): Promise<number> {
  for (let turn = 0; turn < BOOT_SECONDS * 5; turn += 1) {
    const init = readChild(container);
    if (init !== undefined && (await isUp(init))) return init;
    if (!isThere(container)) break;
    await pause(200);
  }
  throw new Error(`the machine did not come up:\n${readFileSync(consoleFile, "utf8")}`);
}

function readChild(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return text === "" ? undefined : Number(text.split(" ")[0]);
  } catch {
    return undefined;
  }
}

async function isUp(init: number): Promise<boolean> {
  const { stdout } = await execa(
    "nsenter",
    ["--target", String(init), "--all", "systemctl", "is-system-running"],
    { reject: false, stdin: "ignore" },
  );
  return stdout === "running" || stdout === "degraded";
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The container's systemd is the first process of its namespace: everything there ends with it. */
function end(container: number): void {
  const init = readChild(container);
  for (const pid of [init, container]) if (pid !== undefined && isThere(pid)) process.kill(pid, "SIGKILL");
}
