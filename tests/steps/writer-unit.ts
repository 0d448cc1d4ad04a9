import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { temporaryFolder } from "../temporary-folder.ts";

const PROCESS = fileURLToPath(new URL("writer-process.mjs", import.meta.url));

/** A real process that writes to the table, stopped and started by commands as a supervisor's unit is. */
export class WriterUnit {
  readonly folder = temporaryFolder("writer");
  readonly flagFile = join(this.folder, "flag");
  readonly #url: string;

  /** @param url what the writer connects with. */
  constructor(url: string) {
    this.#url = url;
  }

  command = (verb: "start" | "stop") => [process.execPath, PROCESS, verb, this.folder, this.#url];

  /** What the test does itself: it does not count as asked. */
  async start(): Promise<void> {
    const [program = "", ...rest] = this.command("start");
    await execa(program, rest);
    await this.forget("asked");
  }

  has = (name: string) => existsSync(join(this.folder, name));
  /** Makes the unit misbehave: `hang-before-stop`, `ignore-stop`, `fail-start`… */
  want = (name: string) => writeFileSync(join(this.folder, name), "");
  forget = (name: string) => rm(join(this.folder, name), { force: true });
  /** What was asked of it, with the flag as it was then. */
  asked = () => {
    if (!this.has("asked")) return [];
    return readFileSync(join(this.folder, "asked"), "utf8").trim().split("\n");
  };

  async until(name: string): Promise<void> {
    while (!this.has(name)) await sleep(20);
  }

  async untilAsked(what: string): Promise<void> {
    while (!this.asked().includes(what)) await sleep(20);
  }

  kill(): void {
    if (!this.has("pid")) return;
    try {
      process.kill(Number(readFileSync(join(this.folder, "pid"), "utf8")), "SIGKILL");
    } catch {
      // Stopped already.
    }
  }
}
