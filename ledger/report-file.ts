import { existsSync, mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { writeDurably } from "../system/durable-file.ts";

/** A file for people, `reports/<stack>/…`; a relative path starts at the project's root, which every command runs in. */
export const ReportPath = z.string().min(1);

/** Writes a report so that a reader sees the old one or the new, never a part; only its owner may read it. */
export function writeReport(path: string, content: string | Buffer): void {
  const file = resolve(path);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeDurably(file, content);
}

export function reportExists(path: string): boolean {
  return existsSync(resolve(path));
}
