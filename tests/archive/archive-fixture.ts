import { createReadStream, createWriteStream, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { execa } from "execa";
import { pack } from "tar-stream";
import { compressor, decompressor } from "../../archive/compression.ts";
import { readArchive } from "../../archive/read-archive.ts";
import { ArchivePart } from "../../config/archive.ts";
import { type ArchiveResult, type ArchiveSpec, archive } from "../../steps/archive.ts";
import { applyStep } from "../../steps/run-step.ts";
import { TargetGuard } from "../../steps/target-guard.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import type { RolledOut } from "./rolled-out.ts";

export function archiveSpec(stack: RolledOut, changed: Partial<ArchiveSpec> = {}): ArchiveSpec {
  return {
    ...stack.spec("validation", "archive"),
    ...{ folder: stack.archives, reports: stack.reports, subject: "public.deals.deal_type" },
    ...{ include: ArchivePart.options, releases: { baseline: "a".repeat(40), permanent: "d".repeat(40) } },
    after: ["output-snapshot"],
    ...changed,
  };
}

/** Runs the step as the engine would, with its records. */
export async function runArchive(stack: RolledOut, spec = archiveSpec(stack)): Promise<ArchiveResult> {
  const context = {
    chain: stack.chain,
    deps: stack.deps(),
    target: new TargetGuard("test", undefined),
    findStep: async () => archive,
  };
  return (await applyStep(archive, spec, context)) as ArchiveResult;
}

type Content = Map<string, Buffer>;

/** Everything in an archive, by name. */
export async function unpack(path: string): Promise<Content> {
  const files: Content = new Map();
  await readArchive(path, async ({ name, content }) => {
    const chunks: Buffer[] = [];
    for await (const chunk of content) chunks.push(chunk);
    files.set(name, Buffer.concat(chunks));
  });
  return files;
}

/** A copy of the archive whose content somebody changed and packed again. */
export async function repack(path: string, change: (files: Content) => void): Promise<string> {
  const files = await unpack(path);
  change(files);
  const tar = pack();
  for (const [name, content] of files) tar.entry({ name }, content);
  tar.finalize();
  const copy = join(temporaryFolder("repacked"), "copy.tar.zst");
  await pipeline([tar as unknown as NodeJS.ReadableStream, compressor(), createWriteStream(copy)]);
  return copy;
}

/** By the programs that every machine has. */
export async function untar(path: string): Promise<string> {
  const folder = temporaryFolder("untarred");
  const tar = join(folder, "archive.tar");
  await pipeline(createReadStream(path), decompressor(), createWriteStream(tar));
  await execa("tar", ["-xf", tar, "-C", folder]);
  return folder;
}

/** A file with its folders. */
export function put(root: string, path: string, content: string | Buffer): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}
