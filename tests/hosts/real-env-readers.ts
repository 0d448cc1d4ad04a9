import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../temporary-folder.ts";

/** What a reader made of each file, in their order; null for one that it refused to read. */
export type Readings = (Record<string, string> | null)[];

/** Why something that a test needs is not there. */
export class NotHere extends Error {}

const UNIT = `[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
EnvironmentFile=/rollout-env/%i
ExecStart=/usr/bin/env -0
StandardOutput=file:/rollout-out/%i
`;
const BATCH = `[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'cd /rollout-env; for file in *; do systemctl start --no-block read@$$file; done; while systemctl list-jobs --no-legend | grep -q read@; do sleep 0.1; done; systemctl poweroff --force'
`;

/** Boots a systemd of its own on a throwaway overlay of this machine, and runs a batch there. */
export function bootBatch(fill: (root: string) => void, units: Record<string, string>): string {
  if (process.getuid?.() !== 0) throw new NotHere("only root may boot a container");
  if (spawnSync("systemd-nspawn", ["--version"]).status !== 0)
    throw new NotHere("systemd-nspawn is missing: apt-get install -y systemd-container");
  const folder = temporaryFolder("systemd");
  const [disk, root] = [join(folder, "disk"), join(folder, "disk/root")];
  mkdirSync(disk);
  const mount = (...args: string[]) => spawnSync("mount", args, { encoding: "utf8" });
  if (mount("-t", "tmpfs", "tmpfs", disk).status !== 0) throw new NotHere("a tmpfs cannot be mounted here");
  try {
    for (const each of ["upper", "work", "root", "kept"]) mkdirSync(join(disk, each));
    const layers = `lowerdir=/,upperdir=${disk}/upper,workdir=${disk}/work`;
    if (mount("-t", "overlay", "overlay", "-o", layers, root).status !== 0)
      throw new NotHere("an overlay of / cannot be mounted here");
    for (const [name, text] of Object.entries(units))
      writeFileSync(join(root, "etc/systemd/system", name), text);
    fill(root);
    const flags = ["-q", "-b", "--register=no", "--keep-unit", "--console=pipe", "-D", root];
    const boot = spawnSync("systemd-nspawn", [...flags, "systemd.unit=rollout-batch.service"], {
      input: "",
      encoding: "utf8",
      timeout: 90_000,
      killSignal: "SIGKILL",
    });
    if (boot.status !== 0) throw new NotHere(`systemd does not boot here: ${boot.stderr.slice(-300)}`);
    execFileSync("cp", ["-a", join(root, "rollout-out"), folder]);
    return join(folder, "rollout-out");
  } finally {
    spawnSync("umount", [root]);
    spawnSync("umount", [disk]);
    rmSync(disk, { recursive: true, force: true });
  }
}

/** Version of this machine's systemd. */
export function systemdVersion(): number {
  const { stdout } = spawnSync("systemctl", ["--version"], { encoding: "utf8" });
  return Number(/^systemd (\d+)/.exec(stdout ?? "")?.[1] ?? 0);
}

/** What systemd hands to a process for each of these files (bytes as latin1). @throws {NotHere} */
export function readBySystemd(files: readonly string[]): Readings {
  const out = bootBatch(
    (root) => {
      for (const each of ["rollout-env", "rollout-out"]) mkdirSync(join(root, each));
      for (const [index, text] of files.entries())
        writeFileSync(join(root, "rollout-env", String(index)), text, "latin1");
    },
    { "read@.service": UNIT, "rollout-batch.service": BATCH },
  );
  return files.map((_, index) => {
    try {
      const words = readFileSync(join(out, String(index)), "latin1")
        .split("\0")
        .slice(0, -1);
      const pairs = words.map((word) => [
        word.slice(0, word.indexOf("=")),
        word.slice(word.indexOf("=") + 1),
      ]);
      return Object.fromEntries(pairs) as Record<string, string>;
    } catch {
      return null;
    }
  });
}

const SCRIPT = `
import json, os, sys
sys.path.insert(0, sys.argv[1])
from dotenv import load_dotenv
import logging
logging.disable(logging.CRITICAL)
said = []
for path in json.load(sys.stdin):
    os.environ.clear()
    try:
        load_dotenv(path)
        said.append({k: v.encode("utf-8", "surrogateescape").decode("latin-1") for k, v in os.environ.items()})
    except (UnicodeDecodeError, ValueError, OSError):
        said.append(None)
print(json.dumps(said))
`;

/** What python-dotenv's load_dotenv() puts into the environment. @throws {NotHere} */
export function readByDotenv(files: readonly string[]): Readings {
  const folder = temporaryFolder("dotenv");
  const pip = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--target",
    join(folder, "lib"),
  ];
  const installed = spawnSync("python3", [...pip, "python-dotenv==1.1.1"], {
    encoding: "utf8",
    timeout: 90_000,
  });
  if (installed.status !== 0)
    throw new NotHere("python-dotenv cannot be installed here: it needs python3 with pip, and PyPI");
  const paths = files.map((text, index) => {
    writeFileSync(join(folder, String(index)), text, "latin1");
    return join(folder, String(index));
  });
  const options = { input: JSON.stringify(paths), encoding: "utf8" as const, maxBuffer: 1 << 28 };
  return JSON.parse(execFileSync("python3", ["-c", SCRIPT, join(folder, "lib")], options)) as Readings;
}
