import { parseDotenv } from "./dotenv-parts.ts";
import { parseSystemd } from "./systemd-parts.ts";

/** One piece of an environment file, whole lines. The texts of all pieces, one after the other, are the file. */
export interface EnvPart {
  /** Bytes as characters (latin1), with the line end that the last line has or lacks. */
  text: string;
  /** Set on a piece that assigns a variable; null where it names one without a value, which takes it away. */
  assigns?: { name: string; value: string | null };
}

/** Who reads an environment file. Before systemd 254 a comment that ends in a backslash swallowed the next line. */
export const ENV_READERS = ["systemd", "systemd-before-254", "dotenv"] as const;
export type EnvReader = (typeof ENV_READERS)[number];

/** Its name for a person. */
export const READER_NAMES: Record<EnvReader, string> = {
  systemd: "systemd",
  "systemd-before-254": "systemd",
  dotenv: "dotenv",
};

/** The end of a piece's last line: `\n`, `\r\n`, `\r`, or nothing. Pure. */
export const endOf = (text: string): string => /(?:\r?\n|\r)$/.exec(text)?.[0] ?? "";

/** A piece without that. Pure. */
export const bodyOf = (text: string): string => text.slice(0, text.length - endOf(text).length);

const isUtf8 = (text: string) => {
  const bytes = Buffer.from(text, "latin1");
  return bytes.equals(Buffer.from(bytes.toString("utf8"), "utf8"));
};

/** Takes a file apart as this reader does. Pure. */
export function parseParts(text: string, reader: EnvReader): EnvPart[] {
  if (reader === "dotenv") return parseDotenv(text);
  return parseSystemd(text, { continuesComments: reader === "systemd-before-254" });
}

/** Why this reader reads nothing at all of the file; undefined when it does. Pure. */
export function unreadableBy(parts: readonly EnvPart[], reader: EnvReader): string | undefined {
  if (reader === "dotenv")
    return parts.every(({ text }) => isUtf8(text)) ? undefined : "bytes that are no UTF-8";
  if (parts.some(({ text }) => text.includes("\0"))) return "a NUL byte";
  // systemd takes what stands in a comment or in no assignment as it is.
  return parts.every(({ text, assigns }) => !assigns || isUtf8(text)) ? undefined : "bytes that are no UTF-8";
}
