import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { writeReport } from "./report-file.ts";

/** A message before it is put into its form for the wire. */
export interface Message {
  from: { name: string; address: string };
  /** None: undisclosed recipients. */
  to: string[];
  subject: string;
  text: string;
  date: Date;
  /** What makes it the same message if it is made again; see `messageId`. */
  occasion: string;
}

/** Message-ID of an occasion: the same for the same one, so that it is not announced twice. */
export function messageId({ from, occasion }: Pick<Message, "from" | "occasion">): string {
  const digest = createHash("sha256").update(occasion).digest("hex").slice(0, 32);
  return `<rollout-${digest}@${from.address.split("@").at(-1)}>`;
}

/** The message in the form that mail programs read (RFC 5322). */
export async function composeMessage(message: Message): Promise<Buffer> {
  const { from, to, subject, text, date } = message;
  // Loaded by who composes: a preview need not wait for its modules.
  const { default: nodemailer } = await import("nodemailer");
  const transport = nodemailer.createTransport({ streamTransport: true, buffer: true, newline: "windows" });
  const composed = await transport.sendMail({
    ...{ from, subject, text, date },
    to: to.length > 0 ? to : "undisclosed-recipients:;",
    messageId: messageId(message),
    headers: { "Auto-Submitted": "auto-generated" },
  });
  return composed.message as Buffer;
}

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
