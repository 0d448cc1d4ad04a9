import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findOnPath } from "../../bin/programs.mjs";
import type { Encryption } from "../../config/encryption.ts";
import { StepError } from "../../errors/step-error.ts";
import { childEnvironment, runProgram } from "../../processes/child-process.ts";
import { lineEnd } from "../../system/plain-line.ts";
import { listFiles } from "./dump-files.ts";
import type { StoredBackup } from "./dump-store.ts";

/** Environment variable with the path of the secret key's file: needed for the proof, never kept. */
export const IDENTITY_VARIABLE = "ROLLOUT_BACKUP_IDENTITY";

const SUFFIX = ".age";

export interface CipherOptions {
  timeoutMs: number;
  signal: AbortSignal;
}

/** Path of age. @throws {StepError} when it is nowhere. */
function findAge(): string {
  const path = findOnPath("age");
  if (path) return path;
  throw new StepError(
    "backup: expected the program age for an encrypted backup, got none. " +
      "Install it (Debian: apt-get install age), or remove backup.encryption.",
  );
}

/** The file of the secret key. @throws {StepError} when none is named. */
function identityFile(): string {
  const path = process.env[IDENTITY_VARIABLE];
  if (path) return path;
  throw new StepError(
    `backup: expected the path of a file with a secret key of age in ${IDENTITY_VARIABLE}, got none. ` +
      "Set it: an encrypted backup is proven by decrypting it.",
  );
}

async function runAge(what: string, argv: string[], { timeoutMs, signal }: CipherOptions): Promise<void> {
  const outcome = await runProgram([findAge(), ...argv], {
    environment: childEnvironment(),
    timeoutMs,
    signal,
  });
  signal.throwIfAborted();
  if (outcome.exitCode === 0 && !outcome.failure) return;
  const words = outcome.failure ?? lineEnd(outcome.stderr);
  throw new StepError(
    `backup: expected age to ${what}, got ${words}. Correct backup.encryption or ${IDENTITY_VARIABLE}.`,
  );
}

function encryptFile(
  from: string,
  to: string,
  { recipients }: Encryption,
  options: CipherOptions,
): Promise<void> {
  const keys = recipients.flatMap((recipient) => ["-r", recipient]);
  return runAge("encrypt", ["-e", ...keys, "-o", to, from], options);
}

const decryptFile = (from: string, to: string, options: CipherOptions): Promise<void> =>
  runAge("decrypt", ["-d", "-i", identityFile(), "-o", to, from], options);

/** Replaces every file of a backup in the making by its encrypted form. */
export async function encryptFolder(
  folder: string,
  encryption: Encryption,
  options: CipherOptions,
): Promise<void> {
  for (const path of await listFiles(folder)) {
    if (path.startsWith(".")) continue;
    const plain = join(folder, path);
    await encryptFile(plain, `${plain}${SUFFIX}`, encryption, options);
    await rm(plain);
  }
}

/**
 * The backup in the clear: itself where it is not encrypted, else a copy of it in `scratch`, which the caller has
 * watched so that it goes whatever happens.
 */
export async function openBackup(
  backup: StoredBackup,
  scratch: string,
  options: CipherOptions,
): Promise<StoredBackup> {
  if (!backup.manifest.encryption) return backup;
  const folder = join(scratch, "decrypted");
  for (const { path } of backup.manifest.files) {
    const plain = join(folder, path.slice(0, -SUFFIX.length));
    await mkdir(dirname(plain), { recursive: true, mode: 0o700 });
    await decryptFile(join(backup.folder, path), plain, options);
  }
  return { ...backup, folder };
}

/** Encrypts a few letters and decrypts them again. @returns why a backup could not be encrypted and proven here. */
export async function tryCipher(encryption: Encryption): Promise<string | undefined> {
  const options = { timeoutMs: 20_000, signal: new AbortController().signal };
  const folder = await mkdtemp(join(tmpdir(), "rollout-cipher-"));
  const [plain, stored, back] = ["plain", "stored", "back"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  try {
    await writeFile(plain, "no secret", { mode: 0o600 });
    await encryptFile(plain, stored, encryption, options);
    await decryptFile(stored, back, options);
    return (await readFile(back, "utf8")) === "no secret"
      ? undefined
      : "backup: expected age to decrypt what it encrypted.";
  } catch (error) {
    if (error instanceof StepError) return error.message;
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Why an encrypted backup can't be decrypted here; undefined where nothing is known to be in the way. */
export async function findSealed({ manifest }: StoredBackup): Promise<string | undefined> {
  if (!manifest.encryption) return undefined;
  try {
    findAge();
    await readFile(identityFile());
    return undefined;
  } catch (error) {
    if (error instanceof StepError) return error.message;
    const { code } = error as NodeJS.ErrnoException;
    return `backup: expected a file that can be read in ${IDENTITY_VARIABLE}, got ${code}. Correct its path.`;
  }
}
