import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeDurably } from "../../system/durable-file.ts";
import type { StoredBackup } from "./dump-store.ts";
import type { NotProven } from "./left-out.ts";

const PROOF = "proof.json";

/** Proof kept beside a backup; it names the manifest, so that it can't be moved to another. */
const Proof = z.object({ provenAt: z.string(), sha256: z.string() });

/** When a backup was proven, by the note beside it; undefined when it was not. */
export async function readProof({ folder, sha256 }: StoredBackup): Promise<string | undefined> {
  try {
    const proof = Proof.parse(JSON.parse(await readFile(join(folder, PROOF), "utf8")));
    return proof.sha256 === sha256 ? proof.provenAt : undefined;
  } catch {
    return undefined;
  }
}

/** Notes beside a backup that it was restored and compared, and what that leaves open. */
export async function writeProof(
  { folder, sha256 }: StoredBackup,
  provenAt: string,
  { limits, notProven }: { limits: string[]; notProven: NotProven[] },
): Promise<void> {
  writeDurably(join(folder, PROOF), `${JSON.stringify({ provenAt, sha256, limits, notProven })}\n`);
}
