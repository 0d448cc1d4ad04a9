import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Chain } from "../ledger/chain.ts";
import type { EvidenceRecord } from "../ledger/record.ts";
import { ArchiveManifest, compareWithManifest, type FoundFile, MANIFEST, manifestText } from "./manifest.ts";
import { type PassingFile, type ReadOutcome, readArchive } from "./read-archive.ts";
import { alteredArtifacts, recompute } from "./recompute.ts";
import { countDeals, isSnapshotFile, type SnapshotCount } from "./snapshot-count.ts";

/** What is known of an archive once it has been read. */
export interface Verification {
  archive: ReadOutcome;
  manifest: ArchiveManifest | undefined;
  /** Records whose chain is whole. */
  records: number;
  /** Results that were computed again. */
  recomputed: number;
  /** What is wrong, each a complete line. Empty: it is what it was. */
  faults: string[];
}

/** Only what has the form of a record's name is ever written, so that no archive can reach another place. */
const RECORD = /^evidence\/(\d{6,12}-[a-z0-9-]{1,80}-(begin|end|event)|head)\.json$/;
const RESULT = /^evidence\/artifacts\/[0-9a-f]{12}-(test-suite|data-audit)\.json$/;
/** Of a manifest, a record, a result: all that is ever held in memory as a whole. */
const LARGEST_TEXT = 256 * 1024 * 1024;

/** Takes the files of an archive in as they come by. */
class Intake {
  readonly found = new Map<string, FoundFile>();
  readonly texts = new Map<string, string>();
  readonly snapshots = new Map<string, SnapshotCount>();
  readonly faults: string[] = [];
  manifestBytes: string | undefined;
  #root: string | undefined;
  readonly #scratch: string;

  constructor(scratch: string) {
    this.#scratch = scratch;
  }

  take = async (file: PassingFile): Promise<void> => {
    const path = this.#pathOf(file);
    if (this.found.has(path) || (path === MANIFEST && this.manifestBytes !== undefined))
      this.faults.push(`${path}: expected each file once, got it again (added)`);
    if (path === MANIFEST) {
      this.manifestBytes ??= await readText(file);
      return;
    }
    if (RECORD.test(path)) await writeFile(join(this.#scratch, path), await readText(file), { mode: 0o600 });
    else if (RESULT.test(path)) this.texts.set(path, await readText(file));
    else if (isSnapshotFile(path)) await this.#count(path, file);
    for await (const _ of file.content);
    this.found.set(path, await file.found);
  };

  #pathOf({ name, type }: PassingFile): string {
    const [root = "", ...rest] = name.split("/");
    this.#root ??= root;
    const path = rest.join("/");
    if (root === this.#root && path !== "" && type === "file") return path;
    this.faults.push(`${name}: expected files in one folder and nothing else, got a ${type} (added)`);
    return name;
  }

  async #count(path: string, file: PassingFile): Promise<void> {
    try {
      this.snapshots.set(path, await countDeals(path, file.content));
    } catch (error) {
      const [line] = (error instanceof Error ? error.message : String(error)).split("\n");
      this.faults.push(`${path}: expected a snapshot that can be read, got: ${line}`);
    }
  }
}

async function readText({ name, content }: PassingFile): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.length;
    if (bytes > LARGEST_TEXT) throw new Error(`${name} is larger than any that this program makes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function readManifest({ manifestBytes }: Intake): ArchiveManifest | string {
  if (manifestBytes === undefined) return `${MANIFEST}: expected it, got no such file (removed)`;
  try {
    const manifest = ArchiveManifest.parse(JSON.parse(manifestBytes));
    if (manifestText(manifest) === manifestBytes) return manifest;
    return `${MANIFEST}: expected it in its canonical form, got it rewritten (changed)`;
  } catch {
    return `${MANIFEST}: expected a manifest of version 1, got something else (changed)`;
  }
}

function readChain(
  scratch: string,
  manifest: ArchiveManifest,
): { records: readonly EvidenceRecord[]; faults: string[] } {
  try {
    const { records, head } = Chain.open(join(scratch, "evidence"));
    const { number, hash } = manifest.evidence.head;
    if (head?.number === number && head.hash === hash) return { records, faults: [] };
    return {
      records,
      faults: [`evidence: expected the chain to end at record ${number}, got ${head?.number ?? "none"}`],
    };
  } catch (error) {
    const text = (error as Error).message.replaceAll(`${scratch}/`, "");
    return { records: [], faults: [text] };
  }
}

function judge(intake: Intake, archive: ReadOutcome, scratch: string): Verification {
  const unreadable = archive.fault
    ? [`packing: expected a whole archive, got one that breaks off ${archive.fault}`]
    : [];
  const manifest = readManifest(intake);
  const bare = { archive, manifest: undefined, records: 0, recomputed: 0 };
  if (typeof manifest === "string") return { ...bare, faults: [...unreadable, ...intake.faults, manifest] };
  const listed = compareWithManifest(manifest, intake.found);
  // Of one that breaks off, what is missing is known; that it is missing says nothing new.
  const differences = archive.fault ? listed.filter((line) => !line.endsWith("(removed)")) : listed;
  const chain = archive.fault ? { records: [], faults: [] } : readChain(scratch, manifest);
  const { found, texts, snapshots } = intake;
  const { looked, faults } = recompute({ records: chain.records, found, texts, snapshots });
  return {
    ...{ archive, manifest, records: chain.records.length, recomputed: looked },
    faults: [
      ...unreadable,
      ...intake.faults,
      ...differences,
      ...alteredArtifacts(found),
      ...chain.faults,
      ...faults,
    ],
  };
}

/**
 * Reads an archive once, from beginning to end, and checks all that it can show by itself: every file against the
 * manifest, the chain of records, artifacts against their names, recorded numbers against the files. Needs no stack,
 * no configuration, no database.
 */
export async function verifyArchive(path: string): Promise<Verification> {
  const scratch = mkdtempSync(join(tmpdir(), "rollout-verify-"));
  try {
    mkdirSync(join(scratch, dirname("evidence/head.json")));
    const intake = new Intake(scratch);
    const archive = await readArchive(path, intake.take);
    return judge(intake, archive, scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
