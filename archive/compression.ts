import type { Duplex } from "node:stream";
import { execa } from "execa";
import { findOnPath } from "../bin/programs.mjs";
import type { Encryption } from "../config/encryption.ts";
import { StepError } from "../errors/step-error.ts";
import { IDENTITY_VARIABLE } from "../postgres/backup/backup-cipher.ts";
import { childEnvironment } from "../processes/child-process.ts";

const INSTALL: Record<string, string> = {
  zstd: "Debian: apt-get install zstd, macOS: brew install zstd",
  age: "Debian: apt-get install age, macOS: brew install age",
};

/** Programs that are missing to read or write an archive, each with what installs it. */
export function findMissingPrograms({ encrypted }: { encrypted: boolean }): string[] {
  const wanted = ["zstd", ...(encrypted ? ["age"] : [])];
  return wanted
    .filter((name) => !findOnPath(name))
    .map((name) => `archive: expected the program ${name}, got none. Install it (${INSTALL[name]}).`);
}

/**
 * A program as a stream: what goes in comes out changed. It has our pipes and nothing else of ours, so it ends when we
 * do, however we end. Level and threads are zstd's defaults, which give the same bytes for the same input.
 */
function throughProgram(argv: readonly [string, ...string[]]): Duplex {
  const [program, ...args] = argv;
  return execa(program, args, {
    ...{ env: childEnvironment(), extendEnv: false, encoding: "buffer" },
    // What passes through is not gathered; what it says when it fails is.
    buffer: { stdout: false, stderr: true },
  }).duplex();
}

export const compressor = (): Duplex => throughProgram(["zstd", "-q", "-c"]);
export const decompressor = (): Duplex => throughProgram(["zstd", "-q", "-d", "-c"]);

export const encryptor = ({ recipients }: Encryption): Duplex =>
  throughProgram(["age", "-e", ...recipients.flatMap((recipient) => ["-r", recipient])]);

/** @throws {StepError} where no secret key is named. */
export function decryptor(): Duplex {
  const identity = process.env[IDENTITY_VARIABLE];
  if (identity) return throughProgram(["age", "-d", "-i", identity]);
  throw new StepError(
    `archive: expected the path of a file with a secret key of age in ${IDENTITY_VARIABLE}, got none. ` +
      "Set it: an encrypted archive is verified by decrypting it.",
  );
}
