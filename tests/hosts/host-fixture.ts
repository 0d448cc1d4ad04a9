import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "../../config/target.ts";
import type { HostWriter } from "../../hosts/host-shell.ts";
import { localShell } from "../../hosts/local-shell.ts";
import { temporaryFolder } from "../temporary-folder.ts";

/** A folder that stands for a host, with a `bin/` that comes first on its PATH. */
export function makeHost(name = "host-a", folder = temporaryFolder("host")): Host & { folder: string } {
  const appDir = join(folder, "app");
  for (const each of ["app/releases", "bin"]) mkdirSync(join(folder, each), { recursive: true });
  const envFile = join(folder, "diligence.env");
  writeFileSync(envFile, "DATABASE_URL=postgres://x\n", { mode: 0o600 });
  putProgram({ folder }, "systemctl", "#!/bin/sh\nexit 0\n");
  const services = [{ unit: "diligence-web", kind: "web" as const, processes: 2 }];
  return { name, folder, appDir, envFile, services, path: join(folder, "bin") };
}

/** The host as a spec has it. */
export function specHost({ folder: _, ...host }: Host & { folder: string }): Host {
  return host;
}

/** Looks and changes as a run with this token. */
export function writer(token = 1, signal = new AbortController().signal): HostWriter {
  return { shell: localShell, signal, token };
}

/** Puts a program on the host's PATH. */
export function putProgram(host: { folder: string }, name: string, text: string): void {
  const file = join(host.folder, "bin", name);
  writeFileSync(file, text);
  chmodSync(file, 0o755);
}

/** Points `current` at a release by hand. */
export function linkCurrent({ appDir }: Pick<Host, "appDir">, sha: string): void {
  execFileSync("ln", ["-sfn", join("releases", sha), join(appDir, "current")]);
}

/** A git repository with one commit for each set of files, oldest first, each on top of the one before. */
export function makeRepository(...commits: Record<string, string>[]): { url: string; shas: string[] } {
  const url = temporaryFolder("repository");
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", url, "-c", "user.name=t", "-c", "user.email=t@example.org", ...args], {
      encoding: "utf8",
      env: { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" },
    }).trim();
  git("init", "--quiet", "--initial-branch=main");
  const shas = commits.map((files) => {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(join(url, path, ".."), { recursive: true });
      writeFileSync(join(url, path), content);
    }
    git("add", "--all");
    git("commit", "--quiet", "--allow-empty", "-m", "a release");
    return git("rev-parse", "HEAD");
  });
  return { url, shas };
}

/** A release that somebody put there before the rollout, and that `current` points at. */
export function adoptRelease({ appDir }: Pick<Host, "appDir">, sha: string): void {
  mkdirSync(join(appDir, "releases", sha), { recursive: true });
  writeFileSync(join(appDir, "releases", sha, "app.txt"), "before\n");
  symlinkSync(join("releases", sha), join(appDir, "current"));
}
