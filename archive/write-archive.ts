import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Pack, pack } from "tar-stream";
import type { Encryption } from "../config/encryption.ts";
import { StepError } from "../errors/step-error.ts";
import { explainFullDisk, syncFolder } from "../system/durable-file.ts";
import { hashFile, sha256Of, summing } from "../system/sha256.ts";
import { compressor, encryptor } from "./compression.ts";
import { type ArchiveManifest, type FoundFile, MANIFEST, manifestText } from "./manifest.ts";
import { type ArchiveSource, openSource } from "./source.ts";

const PARTIAL = ".partial-";

export interface WriteOptions {
  /** Folder of the archives; made where it is missing. */
  folder: string;
  encryption: Encryption | undefined;
  signal: AbortSignal;
}

/** An archive as it lies there. */
export interface WrittenArchive extends FoundFile {
  name: string;
  /** False: one with the same bytes was there already. */
  isNew: boolean;
}

/**
 * Lets a file's bytes through as long as they are what the manifest says: reports can be edited meanwhile. It fails before
 * the tar would, which only notices that a size is wrong.
 */
function unchanged(path: string, listed: FoundFile): Transform {
  const hash = createHash("sha256");
  let bytes = 0;
  const fault = () =>
    new StepError(
      `archive: expected ${path} to stay as it is while it is archived, got other bytes. Run again.`,
    );
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      if (bytes > listed.bytes) done(fault());
      else done(null, chunk);
    },
    flush(done) {
      done(bytes === listed.bytes && hash.digest("hex") === listed.sha256 ? null : fault());
    },
  });
}

async function addFile(into: Pack, source: ArchiveSource, listed: FoundFile, place: Place) {
  const { folder, mtime, signal } = place;
  const header = { name: `${folder}/${source.path}`, size: listed.bytes, mode: 0o600, uid: 0, gid: 0, mtime };
  await pipeline(openSource(source), unchanged(source.path, listed), into.entry(header), { signal });
}

/** Where all files of an archive lie, and their time: the evidence's, not the clock's, for the same bytes again. */
interface Place {
  folder: string;
  mtime: Date;
  signal: AbortSignal;
}

async function fill(
  into: Pack,
  sources: readonly ArchiveSource[],
  manifest: ArchiveManifest,
  signal: AbortSignal,
) {
  const place = { folder: manifest.folder, mtime: new Date(manifest.evidence.to), signal };
  const listed = new Map(manifest.files.map((file): [string, FoundFile] => [file.path, file]));
  const text = manifestText(manifest);
  const own = { bytes: Buffer.byteLength(text), sha256: sha256Of(text) };
  // First, so that a reader knows what to expect before the first file comes.
  await addFile(into, { path: MANIFEST, kind: "summary", content: { text } }, own, place);
  for (const source of sources) await addFile(into, source, listed.get(source.path) as FoundFile, place);
  into.finalize();
}

async function writePartial(
  file: string,
  sources: readonly ArchiveSource[],
  manifest: ArchiveManifest,
  { encryption, signal }: WriteOptions,
): Promise<FoundFile> {
  const tar = pack();
  const sum = summing();
  const target = createWriteStream(file, { mode: 0o600, flags: "wx", flush: true });
  const seal = encryption ? [encryptor(encryption)] : [];
  const errors: Error[] = [];
  const fail = (error: Error) => {
    errors.push(error);
    tar.destroy(error);
  };
  await Promise.all([
    fill(tar, sources, manifest, signal).catch(fail),
    pipeline([Readable.from(tar), compressor(), ...seal, sum.stream, target], { signal }).catch(fail),
  ]);
  signal.throwIfAborted();
  // One end fails with the reason, the other one because its neighbour is gone.
  const cause = errors.find((error) => error instanceof StepError) ?? errors[0];
  if (cause) throw cause;
  return sum.result();
}

/** Takes the first free name, unless an archive of just these bytes has one: none is ever written over. */
async function settle(partial: string, base: string, suffix: string, found: FoundFile, folder: string) {
  for (let turn = 1; ; turn += 1) {
    const name = `${base}${turn === 1 ? "" : `-${turn}`}${suffix}`;
    const there = await stat(join(folder, name)).catch(() => undefined);
    if (!there) {
      await rename(partial, join(folder, name));
      syncFolder(folder);
      return { name, isNew: true };
    }
    if (there.size !== found.bytes || (await hashFile(join(folder, name))) !== found.sha256) continue;
    await rm(partial);
    return { name, isNew: false };
  }
}

/** What a run that died left in the making. The evidence's lock is held, so none of it is somebody's. */
export async function removeLeftovers(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  await Promise.all(names.filter((name) => name.startsWith(PARTIAL)).map((name) => rm(join(folder, name))));
}

/**
 * Writes an archive: whole and on the disk before it gets its name, for its owner alone. Memory does not grow with it.
 * @param sources sorted by path; each has to be what the manifest lists.
 */
export async function writeArchive(
  sources: readonly ArchiveSource[],
  manifest: ArchiveManifest,
  options: WriteOptions,
): Promise<WrittenArchive> {
  const { folder, encryption } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await removeLeftovers(folder);
  const partial = join(folder, `${PARTIAL}${process.pid}`);
  try {
    const found = await writePartial(partial, sources, manifest, options);
    const suffix = encryption ? ".tar.zst.age" : ".tar.zst";
    return { ...found, ...(await settle(partial, manifest.folder, suffix, found, folder)) };
  } catch (error) {
    await rm(partial, { force: true });
    throw explainFullDisk(error, "the archive", folder, "archive");
  }
}
