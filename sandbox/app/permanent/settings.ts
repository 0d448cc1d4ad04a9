import { realpathSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";

/** What a process was started with. Read once: a later change of the environment changes nothing. */
export interface Settings {
  databaseUrl: string;
  /** Folder of app.log and error.log. */
  logDir: string;
  /** Commit that this process runs, or `development` outside a release folder. */
  release: string;
  startedAt: string;
  /** Told by /health; this release knows no flag. */
  flag: boolean | null;
}

export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const { DATABASE_URL: databaseUrl, LOG_DIR: logDir } = environment;
  if (!databaseUrl || !logDir)
    throw new Error("settings: expected DATABASE_URL and LOG_DIR in the environment");
  const startedAt = new Date().toISOString();
  return { databaseUrl, logDir, release: readRelease(), startedAt, flag: null };
}

/** A release lies in a folder named by its commit. */
export function readRelease(): string {
  const folder = basename(realpathSync(fileURLToPath(new URL(".", import.meta.url))));
  return /^[0-9a-f]{40}$/.test(folder) ? folder : "development";
}

/** For the log: nothing when this release knows no flag. */
export function formatFlag({ flag }: Settings): string | undefined {
  return flag === null ? undefined : String(flag);
}
