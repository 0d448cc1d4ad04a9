import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Looks for secrets where none may be: in files, in texts, on the command line of every process of the machine. */
export class CanaryWatch {
  readonly #canaries: Buffer[];
  readonly #timer: NodeJS.Timeout;
  /** Command lines that held one. */
  readonly commandLines = new Set<string>();
  /** Command lines that were looked at: a watch that saw none proves nothing. */
  looked = 0;

  constructor(canaries: string[], ownPid = process.pid) {
    this.#canaries = canaries.map((canary) => Buffer.from(canary));
    this.#timer = setInterval(() => this.#lookAtProcesses(ownPid), 40);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  holds(content: string | Buffer): boolean {
    return this.#canaries.some((canary) => Buffer.from(content).includes(canary));
  }

  /** Files below the folders that hold one, and how many were read. */
  search(...folders: string[]): { found: string[]; files: number } {
    const files = folders.filter(existsSync).flatMap((folder) =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name)),
    );
    return { found: files.filter((file) => this.holds(readFileSync(file))), files: files.length };
  }

  #lookAtProcesses(ownPid: number): void {
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== ownPid)) {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`);
        this.looked += 1;
        if (this.holds(line)) this.commandLines.add(line.toString().replaceAll("\0", " "));
      } catch {
        // Ended while we looked.
      }
    }
  }
}
