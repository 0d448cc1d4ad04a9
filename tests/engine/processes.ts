import { readdirSync, readFileSync, readlinkSync } from "node:fs";

interface Found {
  pid: number;
  command: string[];
}

/** Processes that work in a folder: how a test finds the engine and the steps of its own checkout, and no others. */
export function processesIn(folder: string): Found[] {
  return readdirSync("/proc").flatMap((name) => {
    try {
      if (!/^\d+$/.test(name) || readlinkSync(`/proc/${name}/cwd`) !== folder) return [];
      return [{ pid: Number(name), command: readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0") }];
    } catch {
      return []; // Ended while we looked.
    }
  });
}

/** The engine (`pulumi up …`) that works in a folder. */
export function findEngine(folder: string): number | undefined {
  return processesIn(folder).find(
    ({ command }) => /(^|\/)pulumi$/.test(command[0] ?? "") && command[1] === "up",
  )?.pid;
}

/** Waits until `look` finds something. Bounded: a promise that is never kept fails with `what`. */
export async function until<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + 180_000; Date.now() < end; ) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`waited 180 s in vain for ${what}`);
}
