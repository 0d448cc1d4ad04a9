import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { StepError } from "../../errors/step-error.ts";
import { identifySelf, isAlive, type ProcessOnHost } from "../../processes/process-identity.ts";
import { syncFolder, writeDurably } from "../../system/durable-file.ts";
import { sha256Of } from "../../system/sha256.ts";
import { sealFolder } from "./dump-files.ts";
import { Manifest } from "./dump-manifest.ts";

export const MANIFEST = "manifest.json";
/** Present once the step of a backup was undone: the backup stays, but serves no later attempt. */
const RELEASED = "released.json";
const OWNER = ".owner.json";
const PARTIAL = ".partial-";
/** `<step>-<UTC>-<first 16 of the manifest's SHA-256>`: the name vouches for the manifest, that for the rest. */
const NAME = /^([a-z0-9-]+)-(\d{8}T\d{6}Z)-([0-9a-f]{16})$/;

/** A finished backup as found in a backup folder. */
export interface StoredBackup {
  /** Absolute path. */
  folder: string;
  manifest: Manifest;
  /** SHA-256 of the manifest as it is now, in hex. */
  sha256: string;
  released: boolean;
}

/** A backup folder that could not be read as one; the reason is a complete sentence part. */
export interface BrokenBackup {
  folder: string;
  reason: string;
}

/** Folder of a `file:` URL. @throws {StepError} for stores that are not built. */
export function backupFolder(url: string): string {
  if (url.startsWith("file:")) return resolve(url.slice("file:".length).replace(/^\/\/(?=\/)/, ""));
  throw new StepError(
    `backup: expected a file: URL for backup.url, got ${JSON.stringify(url.split(":")[0])}. ` +
      "Other stores (s3:) are not built yet; use file:<folder>.",
  );
}

/** How a backup's folder is named to people and kept in results: short within the project, absolute elsewhere. */
export function shownPath(folder: string): string {
  const inside = relative(process.cwd(), folder);
  return inside === "" || inside.startsWith("..") ? folder : inside;
}

/** A private folder for a backup in the making. Its name can't be taken for a finished one. */
export async function createPartial(root: string): Promise<string> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  const partial = join(root, `${PARTIAL}${randomBytes(6).toString("hex")}`);
  await mkdir(partial, { mode: 0o700 });
  writeDurably(join(partial, OWNER), JSON.stringify(identifySelf()));
  return partial;
}

/** Removes what died runs left behind; partials of running processes and of other machines stay. */
export async function removeLeftovers(root: string): Promise<string[]> {
  const names = (await readdir(root)).filter((name) => name.startsWith(PARTIAL));
  const removed: string[] = [];
  for (const name of names) {
    const owner = await readFile(join(root, name, OWNER), "utf8")
      .then((text) => JSON.parse(text) as ProcessOnHost)
      .catch(() => undefined);
    if (owner && isAlive(owner) !== false) continue;
    await rm(join(root, name), { recursive: true, force: true });
    removed.push(name);
  }
  return removed;
}

/** Writes the manifest, forces everything to the disk, and only then gives the backup its final name. */
export async function finishBackup(root: string, partial: string, manifest: Manifest): Promise<StoredBackup> {
  const content = `${JSON.stringify(Manifest.parse(manifest), null, 2)}\n`;
  await rm(join(partial, OWNER));
  writeDurably(join(partial, MANIFEST), content);
  await sealFolder(partial);
  const sha256 = sha256Of(content);
  const stamp = manifest.startedAt.replaceAll(/[-:]|\.\d+/g, "");
  const step = manifest.step.replaceAll(/[^a-z0-9-]/g, "-");
  const folder = join(root, `${step}-${stamp}-${sha256.slice(0, 16)}`);
  await rename(partial, folder);
  syncFolder(root);
  return { folder, manifest, sha256, released: false };
}

/** Reads a backup's manifest; what the manifest lists is not looked at. */
export async function readBackup(folder: string): Promise<StoredBackup | BrokenBackup> {
  const named = NAME.exec(folder.split("/").at(-1) ?? "")?.[3];
  let content: string;
  try {
    content = await readFile(join(folder, MANIFEST), "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return { folder, reason: `its ${MANIFEST} can't be read (${code})` };
  }
  const sha256 = sha256Of(content);
  if (named && !sha256.startsWith(named))
    return {
      folder,
      reason: `its ${MANIFEST} was changed: SHA-256 ${sha256.slice(0, 16)}…, named ${named}…`,
    };
  try {
    const manifest = Manifest.parse(JSON.parse(content));
    const released = await stat(join(folder, RELEASED)).then(
      () => true,
      () => false,
    );
    return { folder, manifest, sha256, released };
  } catch {
    return { folder, reason: `its ${MANIFEST} is not one of version 1` };
  }
}

export const isBroken = (backup: StoredBackup | BrokenBackup): backup is BrokenBackup => "reason" in backup;

/** All finished backups of a folder, newest first, the damaged ones included. */
export async function listBackups(root: string): Promise<(StoredBackup | BrokenBackup)[]> {
  const names = await readdir(root).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const stamped = names.filter((name) => NAME.test(name)).map((name) => [NAME.exec(name)?.[2] ?? "", name]);
  stamped.sort(([a = ""], [b = ""]) => b.localeCompare(a));
  return Promise.all(stamped.map(([, name = ""]) => readBackup(join(root, name))));
}

/** Removes a backup for good. It loses its name first: what a crash leaves of it is a leftover, never half a backup. */
export async function eraseBackup(folder: string): Promise<void> {
  const gone = join(dirname(folder), `${PARTIAL}${randomBytes(6).toString("hex")}`);
  await rename(folder, gone);
  syncFolder(dirname(folder));
  await rm(gone, { recursive: true, force: true });
}

/** Marks a backup as belonging to an attempt that was taken back. The backup itself is untouched. */
export async function releaseBackup(folder: string, at: Date): Promise<void> {
  writeDurably(join(folder, RELEASED), `${JSON.stringify({ releasedAt: at.toISOString() })}\n`);
}
