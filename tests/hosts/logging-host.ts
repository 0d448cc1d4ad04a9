import { appendFileSync, chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { localShell } from "../../hosts/local-shell.ts";
import { countLogged } from "../../hosts/log-counts.ts";
import { temporaryFolder } from "../temporary-folder.ts";

export const TYPES = ["acquisition", "carveout", "divestiture"];
export const reader = { shell: localShell, signal: new AbortController().signal };

/** A host's folder with a log and programs of its own. */
export class LoggingHost {
  readonly name = "web-1";
  readonly appDir = temporaryFolder("logs");
  readonly path = join(this.appDir, "bin");
  readonly log = join(this.appDir, "app.log");

  constructor(...lines: string[]) {
    mkdirSync(this.path);
    this.write(...lines);
  }
  write(...lines: string[]): void {
    appendFileSync(this.log, lines.map((line) => `${line}\n`).join(""));
  }
  /** Puts a program before those of the machine. */
  program(name: string, text: string): void {
    writeFileSync(join(this.path, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(this.path, name), 0o755);
  }
  async counts({
    since = "2026-03-02T08:00:00.500Z",
    logs = ["{appDir}/app.log"],
    timeZone = undefined as string | undefined,
    mention = undefined as string | undefined,
  } = {}) {
    const question = {
      ...{ logs, since, timeZone, column: "deal_type", values: TYPES },
      ...(mention ? { mention } : {}),
    };
    const counts = await countLogged(this, question, reader);
    return { ...counts, seen: TYPES.map((type) => counts.byValue[type]).join(" ") };
  }
}
