import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { writeReport } from "../ledger/report-file.ts";

/** The message of that ID in the outbox, as a path; undefined when there is none. */
export function findMessage(outbox: string, id: string): string | undefined {
  const folder = resolve(outbox);
  if (!existsSync(folder)) return undefined;
  const names = readdirSync(folder).filter((name) => name.endsWith(".eml"));
  const found = names.find((name) =>
    readFileSync(join(folder, name), "utf8").includes(`Message-ID: ${id}\r\n`),
  );
  return found && join(outbox, found);
}

/** Puts a message into the outbox under a name that nothing has yet. @returns its path. */
export function putMessage(outbox: string, name: string, content: Buffer): string {
  for (let number = 1; ; number += 1) {
    const path = join(outbox, number === 1 ? `${name}.eml` : `${name}-${number}.eml`);
    if (existsSync(resolve(path))) continue;
    writeReport(path, content);
    return path;
  }
}
