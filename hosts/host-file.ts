import type { Host } from "../config/target.ts";
import { sha256Of } from "../system/sha256.ts";
import type { HostReader, HostWriter } from "./host-shell.ts";

const TIMEOUT_MS = 45_000;

/** A file of a host as it was read. Its bytes are characters of `text` (latin1), so that none is ever changed. */
export interface HostFile {
  path: string;
  /** Empty for a file that is missing. */
  text: string;
  /** What a write or removal has to find there: SHA-256 in hex, or `missing`. */
  digest: string;
  /** Octal, as `chmod` takes it; absent for a missing file. */
  mode?: string;
  /** `uid:gid`; absent for a missing file. */
  owner?: string;
}

/** Lines `name value`. */
function parseFields(answer: string): Map<string, string> {
  return new Map(
    answer.split("\n").map((line) => {
      const [name = "", value = ""] = line.split(" ", 2);
      return [name, value];
    }),
  );
}

/**
 * Reads a small file. One that is missing is an answer, one that may not be read is an error; a missing folder is one
 * where it is needed.
 */
export async function readHostFile(
  host: Host,
  path: string,
  { shell, signal, needsFolder }: HostReader & { needsFolder?: true },
): Promise<HostFile> {
  const parameters = { file: path, needs_folder: needsFolder ? "yes" : "" };
  const script = { name: "file-read", parameters };
  const answer = await shell.run(host, script, { timeoutMs: TIMEOUT_MS, signal });
  const fields = parseFields(answer);
  const content = fields.get("content");
  if (content === undefined) return { path, text: "", digest: "missing" };
  const bytes = Buffer.from(content, "base64");
  return {
    path,
    text: bytes.toString("latin1"),
    digest: sha256Of(bytes),
    mode: fields.get("mode") ?? "",
    owner: fields.get("owner") ?? "",
  };
}

/**
 * Puts a text in the place of a file, atomically, if the file still is what was read.
 * @param options.mode of a file that was missing; one that is there keeps its own, and its owner.
 * @param options.makeFolder makes the file's folder when it is missing.
 * @throws {HostError} when someone else has changed it since, or mode and owner cannot be kept.
 */
export async function writeHostFile(
  host: Host,
  file: HostFile,
  text: string,
  { mode, makeFolder, ...writer }: HostWriter & { mode: string; makeFolder?: true },
): Promise<void> {
  const content = Buffer.from(text, "latin1").toString("base64");
  const parameters = {
    file: file.path,
    expected: file.digest,
    content,
    mode,
    make_folder: makeFolder ? "yes" : "",
  };
  await change(host, "file-write", parameters, writer);
}

/**
 * Removes a file that still is what was read. Of a link the file that it points to goes, and the link stays.
 * @param options.keepFolder leaves the folder also when nothing else is in it.
 */
export async function removeHostFile(
  host: Host,
  file: HostFile,
  { keepFolder, ...writer }: HostWriter & { keepFolder?: true },
): Promise<void> {
  const parameters = { file: file.path, expected: file.digest, keep_folder: keepFolder ? "yes" : "" };
  await change(host, "file-remove", parameters, writer);
}

async function change(
  host: Host,
  name: string,
  parameters: Record<string, string>,
  { shell, signal, token }: HostWriter,
): Promise<void> {
  const lease = { appDir: host.appDir, token };
  await shell.run(host, { name, parameters, lease }, { timeoutMs: TIMEOUT_MS, signal });
}
