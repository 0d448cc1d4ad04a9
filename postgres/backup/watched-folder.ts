import { type ChildProcess, spawn } from "node:child_process";
import { rm } from "node:fs/promises";
import { childEnvironment } from "../../processes/child-process.ts";

/*
 * Waits until our end of the pipe closes, however we end, then stops a server that runs in the folder and removes every
 * trace: what lies there is a copy of production's data. Constant text; the folder arrives as an argument.
 */
const CLEANER = `trap '' INT TERM HUP
read -r _
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -s QUIT "$pid" 2>/dev/null
  rm -rf -- "$1" 2>/dev/null
  [ -e "$1" ] || exit 0
  sleep 0.2
done`;

function startCleaner(folder: string): ChildProcess {
  const cleaner = spawn("/bin/sh", ["-c", CLEANER, "cleaner", folder], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: childEnvironment(),
  });
  cleaner.unref();
  return cleaner;
}

/**
 * Has a folder removed when this process ends in any way, `kill -9` included.
 * @returns removes it now. Of a folder that was renamed meanwhile nothing is removed.
 */
export function watchFolder(folder: string): () => Promise<void> {
  const cleaner = startCleaner(folder);
  return async () => {
    const gone = new Promise((resolve) => cleaner.once("exit", resolve));
    cleaner.ref();
    cleaner.stdin?.end();
    await gone;
    await rm(folder, { recursive: true, force: true });
  };
}
