import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { StepError } from "../errors/step-error.ts";
import { writeDurably } from "../system/durable-file.ts";
import { sha256Of } from "../system/sha256.ts";

/** Folder of a `file:` URL; relative paths resolve against the project's root, which every command runs in. */
export function evidenceFolder(url: string): string {
  if (!url.startsWith("file:")) {
    throw new StepError(
      `evidence: expected a file: URL for evidence.url, got ${url}. Other stores are not built yet.`,
    );
  }
  return resolve(url.slice("file:".length).replace(/^\/\/(?=\/)/, ""));
}

/** Folders beside the records, all that steps keep there: `uninstall --with-evidence` removes just these. */
export const EVIDENCE_PARTS = ["artifacts", "mail", "regressions", "snapshots"] as const;

export const evidencePart = (folder: string, part: (typeof EVIDENCE_PARTS)[number]): string =>
  join(folder, part);

/**
 * Stores a file beside the records, under its own content hash so that it can't be replaced unnoticed.
 * @returns its path relative to the evidence folder: `artifacts/<first 12 of SHA-256>-<name>`.
 */
export function saveArtifact(folder: string, name: string, content: string | Buffer): string {
  const hash = sha256Of(content).slice(0, 12);
  const artifacts = evidencePart(folder, "artifacts");
  mkdirSync(artifacts, { recursive: true, mode: 0o700 });
  const stored = `${hash}-${name.replaceAll(/[^a-zA-Z0-9._-]/g, "_")}`;
  writeDurably(join(artifacts, stored), content);
  return join("artifacts", stored);
}
