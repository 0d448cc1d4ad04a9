import { stat } from "node:fs/promises";
import { findMissingPrograms } from "../../archive/compression.ts";
import { isEncrypted } from "../../archive/read-archive.ts";
import { type Verification, verifyArchive } from "../../archive/verify-archive.ts";
import { StepError } from "../../errors/step-error.ts";
import { showBytes } from "../../postgres/backup/dump-space.ts";
import { printLines } from "../verb.ts";

/** Differences that are listed; of one that was packed anew every file may be another. */
const SHOWN = 100;

function describe({ manifest, records, recomputed, archive }: Verification): string[] {
  if (!manifest) return [];
  const { stack, subject, evidence, files, leftOut } = manifest;
  return [
    `archive: ${subject} on ${stack}, evidence from ${evidence.from} to ${evidence.to}`,
    `files: ${files.length + 1}, each with the size and SHA-256 that the manifest lists`,
    `evidence: ${records} records, each hash and link right`,
    `results: ${recomputed} computed again from the files, each as recorded`,
    ...(leftOut.length > 0
      ? [`left out on purpose (archive.include): ${leftOut.length} files, known by hash`]
      : []),
    `SHA-256 of the archive (${showBytes(archive.bytes)}): ${archive.sha256}`,
    "Compare it with the one that the rollout printed: whoever can make an archive can make another one.",
  ];
}

/**
 * Verifies an archive and says what was found. @returns the exit code: 0 when it is what it was.
 * @throws {StepError} when it can't be read here at all, with the remedy.
 */
export async function verifyFile(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) {
    throw new StepError(
      `verify: expected an archive at ${path}, got ${found ? "no file" : "nothing"}. Name its file: archives/<stack>/….tar.zst`,
    );
  }
  const missing = findMissingPrograms({ encrypted: isEncrypted(path) });
  if (missing.length > 0) throw new StepError(missing.join("\n"));
  const verification = await verifyArchive(path);
  const { faults } = verification;
  if (faults.length === 0) {
    printLines(describe(verification));
    return 0;
  }
  const more = faults.length > SHOWN ? [`… and ${faults.length - SHOWN} more`] : [];
  printLines([`archive: NOT what it was, ${faults.length} differences`, ...faults.slice(0, SHOWN), ...more]);
  return 1;
}
