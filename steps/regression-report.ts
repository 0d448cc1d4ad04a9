import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { evidenceFolder, evidencePart } from "../ledger/store.ts";
import { syncFolder } from "../postgres/dump-files.ts";
import { shownPath } from "../postgres/dump-store.ts";
import type { Finding } from "./regression-finding.ts";
import type { BaseSpec } from "./step.ts";

/** The file with every deal that is not simply as it was. */
export interface FindingsFile {
  path: string;
  sha256: string;
  lines: number;
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

  static async open({ identity }: BaseSpec, now: Date): Promise<FindingsWriter> {
    const folder = evidencePart(evidenceFolder(identity.evidenceUrl), "regressions");
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const stamp = now.toISOString().replaceAll(/[-:.]/g, "");
    const name = `${identity.phase}-${identity.step}-${stamp}.jsonl`.replaceAll(/[^A-Za-z0-9._-]/g, "_");
    const final = join(folder, name);
    return new FindingsWriter(final, await open(`${final}.incoming`, "w", 0o600));
  }

  async add(findings: readonly Finding[]): Promise<void> {
    if (findings.length === 0) return;
    const lines = findings.map((found) => `${JSON.stringify(found)}\n`).join("");
    this.#hash.update(lines);
    this.#lines += findings.length;
    await this.#handle.appendFile(lines);
  }

  async finish(): Promise<FindingsFile> {
    await this.#handle.sync();
    await this.#handle.close();
    await rename(`${this.#final}.incoming`, this.#final);
    await syncFolder(dirname(this.#final));
    return { path: shownPath(this.#final), sha256: this.#hash.digest("hex"), lines: this.#lines };
  }

  /** Of a comparison that did not come to its end nothing is left. */
  async discard(): Promise<void> {
    await this.#handle.close();
    await rm(`${this.#final}.incoming`, { force: true });
  }
}
