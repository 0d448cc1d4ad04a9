import { basename } from "node:path";
import { mentionsName, moduleNames, type PythonValue, parsePython, readValue } from "./python-values.ts";
import { readTree, type TreeGaps } from "./source-tree.ts";

/** One Alembic revision as its file says it. */
export interface Revision {
  id: string;
  /** Revisions it follows; several for a merge, none for the first. */
  parents: string[];
  file: string;
  text: string;
}

/** The revisions of a folder, and the files that can't be placed. */
export interface RevisionFolder {
  revisions: Revision[];
  /** Files with a `revision` that only running them could tell, each with its line: `versions/x.py:3`. */
  unclear: string[];
  gaps: TreeGaps;
}

const LIMITS = { files: 5_000 };

const texts = (value: PythonValue): string[] | undefined => {
  if (value === null) return [];
  const list = Array.isArray(value) ? value : [value];
  return list.every((entry) => typeof entry === "string") ? (list as string[]) : undefined;
};

/** Reads one file; undefined for one that is no revision, `unclear` for one whose order nobody can tell. */
export function readRevision(path: string, text: string): Revision | "unclear" | undefined {
  if (!/\bdown_revision\b/.test(text)) return undefined;
  const file = parsePython(text);
  if (!file) return "unclear";
  const names = moduleNames(file);
  const [revision, down] = ["revision", "down_revision"].map((name) => names.get(name));
  // Said somewhere, but not where it can be read: in a branch, or by another file.
  if (!revision || !down) return mentionsName(file, "down_revision") ? "unclear" : undefined;
  const id = readValue(file, revision, names);
  const parents = readValue(file, down, names);
  const list = parents === undefined ? undefined : texts(parents);
  return typeof id === "string" && list ? { id, parents: list, file: path, text } : "unclear";
}

/** Where a person looks first. */
function lineOf(text: string): number {
  const at = text.search(/^.*\b(down_)?revision\b.*=/m);
  return text.slice(0, Math.max(at, 0)).split("\n").length;
}

/** Reads the revisions of a folder, those in folders below it included. Nothing of them is run. */
export async function readRevisionFolder(
  folder: string,
  { ignore, signal }: { ignore: readonly string[]; signal: AbortSignal },
): Promise<RevisionFolder> {
  const { files, gaps } = readTree(folder, { ignore, signal, limits: LIMITS });
  const found: RevisionFolder = { revisions: [], unclear: [], gaps };
  for await (const { path, text } of files) {
    if (!path.endsWith(".py") || basename(path) === "__init__.py") continue;
    const revision = readRevision(path, text);
    if (revision === "unclear") found.unclear.push(`${path}:${lineOf(text)}`);
    else if (revision) found.revisions.push(revision);
  }
  return found;
}
