import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeDurably } from "../../system/durable-file.ts";
import { quoteWord } from "../../system/shell-word.ts";
import { checkOutRelease } from "../releases/repository.ts";
import { type HostPlan, programFolder } from "./host.ts";
import { unitFile, unitFolder } from "./unit-files.ts";

const SYSTEMCTL = fileURLToPath(new URL("./systemctl-client.mjs", import.meta.url));

/** What a new host's environment file holds. Comments and order are the user's from then on. */
export const ENV_HEADER = `# Environment of the diligence app. Read when a process starts, never again.
`;

/**
 * Folders, environment file, units, `systemctl` and, on a new host, the first release. A host that has a release
 * keeps it. Returns true when something that a running supervisor or its processes have read was changed.
 */
export async function prepareHost(
  plan: HostPlan,
  repository: string,
  firstRelease: string,
  databaseUrl: string,
): Promise<boolean> {
  mkdirSync(unitFolder(plan.folder), { recursive: true });
  const changed = writeEnvFile(plan.envFile, { DATABASE_URL: databaseUrl });
  const current = join(plan.appDir, "current");
  if (!existsSync(current)) {
    await checkOutRelease(repository, firstRelease, join(plan.appDir, "releases", firstRelease));
    switchRelease(plan.appDir, firstRelease);
  }
  writeSystemctl(plan);
  for (const unit of plan.units) writeFileSync(...unitFile(plan, unit));
  return writeIfChanged(join(plan.folder, "host.json"), `${JSON.stringify(plan, null, 2)}\n`) || changed;
}

/** The program by its whole path: what runs on a host may have no `node` on its PATH. */
function writeSystemctl(plan: HostPlan): void {
  const file = join(programFolder(plan), "systemctl");
  mkdirSync(programFolder(plan), { recursive: true });
  const [folder, node, script] = [plan.folder, process.execPath, SYSTEMCTL].map(quoteWord);
  writeIfChanged(file, `#!/bin/sh\ncd ${folder} && exec ${node} ${script} "$@"\n`, 0o755);
}

function writeIfChanged(file: string, text: string, mode = 0o600): boolean {
  if (existsSync(file) && readFileSync(file, "utf8") === text) return false;
  writeDurably(file, text, { mode });
  return true;
}

/** Points `current` at a release that is there, by one rename. */
export function switchRelease(appDir: string, sha: string): void {
  const next = join(appDir, "current.next");
  if (lstatSync(next, { throwIfNoEntry: false })) rmSync(next);
  symlinkSync(join("releases", sha), next);
  renameSync(next, join(appDir, "current"));
}

/** Sets these lines and leaves all others alone (the flag's among them). True when the file changed. */
export function writeEnvFile(file: string, settings: Record<string, string>): boolean {
  const before = existsSync(file) ? readFileSync(file, "utf8") : ENV_HEADER;
  let text = before;
  for (const [key, value] of Object.entries(settings)) {
    const line = `${key}=${value}`;
    const pattern = new RegExp(`^${key}=.*$`, "m");
    if (pattern.test(text)) text = text.replace(pattern, () => line);
    else text = `${text}${text.endsWith("\n") ? "" : "\n"}${line}\n`;
  }
  if (text === before) return false;
  writeDurably(file, text);
  return true;
}
