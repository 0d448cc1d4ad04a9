import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { writeReport } from "../ledger/report-file.ts";

/** The message of that ID in the outbox, as a path; undefined when there is none. */
export function findMessage(outbox: string, id: string): string | undefined {
  const folder = resolve(outbox);
  if (!existsSync(folder)) return undefined;
  const names = readdirSync(folder).filter((name) => name.endsWith(".eml"));
  // With a long domain the header goes on in a line of its own (RFC 5322 2.2.3).
  const headers = [`Message-ID: ${id}\r\n`, `Message-ID:\r\n ${id}\r\n`];
  const found = names.find((name) => {
    const content = readFileSync(join(folder, name), "utf8");
    return headers.some((header) => content.includes(header));
  });
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
