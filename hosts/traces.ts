import type { Host } from "../config/target.ts";
import type { HostReader, HostWriter } from "./host-shell.ts";

const TIMEOUT_MS = 120_000;

/** What this program keeps on a host beside the releases. */
export interface HostTraces {
  /** Size of its folder `.rollout` (token, records, fetched commits) in KiB; absent where there is none. */
  folderKib?: number;
  /** Number of the newest evidence record whose work the host has seen; absent where it has seen none. */
  token?: number;
  /** Records of what was there before a step that is not undone there, by the step's name. */
  before: string[];
}

/** Reads them. */
export async function readHostTraces(host: Host, { shell, signal }: HostReader): Promise<HostTraces> {
  const script = { name: "traces-read", parameters: { app_dir: host.appDir } };
  const answer = await shell.run(host, script, { timeoutMs: TIMEOUT_MS, signal });
  const lines = answer.split("\n").map((line) => line.split(" ", 2));
  const told = (wanted: string) => lines.find(([what]) => what === wanted)?.[1];
  const [folder, token] = [told("folder"), told("token")];
  const before = lines.flatMap(([what, name]) => (what === "before" && name ? [name] : []));
  return {
    ...(folder === undefined ? {} : { folderKib: Number(folder) }),
    ...(token === undefined ? {} : { token: Number(token) }),
    before,
  };
}

/** Removes the folder with everything in it. */
export async function removeHostTraces(host: Host, { shell, signal, token }: HostWriter): Promise<void> {
  const script = { name: "traces-remove", parameters: {}, lease: { appDir: host.appDir, token } };
  await shell.run(host, script, { timeoutMs: TIMEOUT_MS, signal });
}
