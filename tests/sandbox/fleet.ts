import { execFile } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Sandbox } from "../../sandbox/index.ts";

/** What a call of a host's `systemctl` said. */
export interface Said {
  stdout: string;
  stderr: string;
  exitCode: number;
}

/** Calls a host's `systemctl` as its scripts do: found on PATH, from any folder, with nothing else in the environment. */
export function systemctl(host: Sandbox["hosts"][number], ...args: string[]): Promise<Said> {
  const env = { PATH: `${host.path}:/usr/bin:/bin`, LC_ALL: "C" };
  return new Promise((resolve) => {
    execFile(join(host.path, "systemctl"), args, { env, cwd: "/" }, (error, stdout, stderr) => {
      resolve({ stdout: stdout.trim(), stderr: stderr.trim(), exitCode: error ? Number(error.code) : 0 });
    });
  });
}

/** Looks again until it holds. @throws when it does not within ten seconds. */
export async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (await holds()) return;
    await sleep(50);
  }
  throw new Error(`expected ${what} within 10 s`);
}
