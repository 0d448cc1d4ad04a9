import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { type FileHandle, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { evidenceFolder, evidencePart } from "../../ledger/store.ts";
import { shownPath } from "../../postgres/backup/dump-store.ts";
import { explainFullDisk, syncFolder } from "../../system/durable-file.ts";
import type { BaseSpec } from "../step.ts";
import type { Finding } from "./regression-finding.ts";

/** The file with every deal that is not simply as it was. */
export interface FindingsFile {
  path: string;
  sha256: string;
  lines: number;
}

const UNFINISHED = ".incoming";

const folderOf = ({ identity }: BaseSpec) =>
  evidencePart(evidenceFolder(identity.evidenceUrl), "regressions");
const prefixOf = ({ identity }: BaseSpec) =>
  `${identity.phase}-${identity.step}-`.replaceAll(/[^A-Za-z0-9._-]/g, "_");

/** Removes what comparisons of this step that were killed left. The evidence's lock is held: none of it is being written. */
export async function removeUnfinishedFindings(spec: BaseSpec): Promise<void> {
  const folder = folderOf(spec);
  const names = await readdir(folder).catch(() => []);
  const left = names.filter((name) => name.startsWith(prefixOf(spec)) && name.endsWith(UNFINISHED));
  await Promise.all(left.map((name) => rm(join(folder, name), { force: true })));
}

/**
 * Writes findings as they come, one JSON line each: there may be as many as there are deals. Only its owner may read the
 * file, and it has its name only when it is whole.
 */
export class FindingsWriter {
  readonly #final: string;
  readonly #handle: FileHandle;
  readonly #hash = createHash("sha256");
  #lines = 0;

  private constructor(final: string, handle: FileHandle) {
    this.#final = final;
    this.#handle = handle;
  }

  static async open(spec: BaseSpec, now: Date): Promise<FindingsWriter> {
    const folder = folderOf(spec);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    await removeUnfinishedFindings(spec);
    const stamp = now.toISOString().replaceAll(/[-:.]/g, "");
    const final = join(folder, `${prefixOf(spec)}${stamp}.jsonl`);
    return new FindingsWriter(final, await open(`${final}${UNFINISHED}`, "w", 0o600));
  }

  async add(findings: readonly Finding[]): Promise<void> {
    if (findings.length === 0) return;
    const lines = findings.map((found) => `${JSON.stringify(found)}\n`).join("");
    this.#hash.update(lines);
    this.#lines += findings.length;
    const folder = dirname(this.#final);
    await this.#handle.appendFile(lines).catch((error) => {
      throw explainFullDisk(error, "the findings of the regression", folder);
    });
  }

  async finish(): Promise<FindingsFile> {
    await this.#handle.sync();
    await this.#handle.close();
    await rename(`${this.#final}${UNFINISHED}`, this.#final);
    syncFolder(dirname(this.#final));
    return { path: shownPath(this.#final), sha256: this.#hash.digest("hex"), lines: this.#lines };
  }

  /** Of a comparison that did not come to its end nothing is left. */
  async discard(): Promise<void> {
    await this.#handle.close();
    await rm(`${this.#final}${UNFINISHED}`, { force: true });
  }
}
