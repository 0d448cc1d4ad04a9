import type { Settings } from "./settings.ts";

/** What a process says of itself. Answered with 200 also while the database is down: then the body says so. */
export interface Health {
  release: string;
  pid: number;
  startedAt: string;
  /** The flag as this process has it; null when its code knows none. */
  flag: boolean | null;
  database: "ok" | "down";
}

export async function readHealth(settings: Settings, ping: () => Promise<boolean>): Promise<Health> {
  const { release, startedAt, flag } = settings;
  return { release, pid: process.pid, startedAt, flag, database: (await ping()) ? "ok" : "down" };
}
