import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { z } from "zod";
import { StepError } from "../../errors/step-error.ts";
import { writeJson } from "../../system/durable-file.ts";
import { releaseFiles, sourcesDigest } from "./release-files.ts";
import { RELEASES, type ReleaseName } from "./releases.ts";

const Shas = z.record(z.enum(["baseline", "feature", "interface", "permanent"]), z.string().length(40));
const Generated = z.strictObject({ digest: z.string(), shas: Shas });

/** Commit of each release. The same sources give the same commits on every machine. */
export type ReleaseShas = Record<ReleaseName, string>;

// Whatever the user has configured for git (signing, hooks, line ends, another hash) must not change a commit.
const GIT_ENVIRONMENT = {
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "Diligence Team",
  GIT_AUTHOR_EMAIL: "team@diligence.example",
  GIT_COMMITTER_NAME: "Diligence Team",
  GIT_COMMITTER_EMAIL: "team@diligence.example",
};
const FIRST_DATE = Date.UTC(2025, 0, 6, 9);
const WEEK_MS = 7 * 24 * 3600 * 1000;

/**
 * The bare git repository that holds the four releases as commits, made when it is missing or the sources
 * have changed. Commits that it already holds stay: a deployed release can still be put back.
 */
export async function ensureRepository(repository: string): Promise<ReleaseShas> {
  const record = `${repository}.json`;
  const digest = sourcesDigest();
  if (existsSync(record) && existsSync(join(repository, "HEAD"))) {
    const generated = Generated.safeParse(JSON.parse(readFileSync(record, "utf8")));
    if (generated.success && generated.data.digest === digest) return generated.data.shas;
  }
  mkdirSync(dirname(repository), { recursive: true });
  await git(repository, [
    "init",
    "--quiet",
    "--bare",
    "--object-format=sha1",
    "--initial-branch=main",
    repository,
  ]);
  const shas: Partial<ReleaseShas> = {};
  let parent: string | undefined;
  for (const [index, { name, message }] of RELEASES.entries()) {
    parent = await commitRelease(repository, name, message, FIRST_DATE + index * WEEK_MS, parent);
    shas[name] = parent;
    await git(repository, ["update-ref", `refs/tags/${name}`, parent]);
  }
  await git(repository, ["update-ref", "refs/heads/main", parent as string]);
  writeJson(record, { digest, shas });
  return shas as ReleaseShas;
}

async function commitRelease(
  repository: string,
  name: ReleaseName,
  message: string,
  date: number,
  parent: string | undefined,
): Promise<string> {
  const work = mkdtempSync(`${repository}-work-`);
  try {
    for (const [path, content] of releaseFiles(name)) {
      mkdirSync(dirname(join(work, path)), { recursive: true });
      writeFileSync(join(work, path), content);
    }
    const environment = { GIT_INDEX_FILE: `${work}.index`, GIT_WORK_TREE: work };
    // Attributes, ignore rules and file modes of this machine must not change the tree either.
    const settings = [
      "-c",
      "core.fileMode=false",
      "-c",
      "core.autocrlf=false",
      "-c",
      "core.excludesFile=/dev/null",
    ];
    await git(repository, [...settings, "add", "--all", "--force", "."], environment, work);
    const tree = await git(repository, ["write-tree"], environment);
    const when = { GIT_AUTHOR_DATE: stamp(date), GIT_COMMITTER_DATE: stamp(date) };
    return await git(
      repository,
      ["commit-tree", tree, "-m", message, ...(parent ? ["-p", parent] : [])],
      when,
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
    rmSync(`${work}.index`, { force: true });
  }
}

const stamp = (date: number) => `${date / 1000} +0000`;

/**
 * Checks a commit out into `folder`, which appears only when it is whole.
 * @throws {StepError} when the repository has no such commit.
 */
export async function checkOutRelease(repository: string, sha: string, folder: string): Promise<void> {
  if (existsSync(folder)) return;
  mkdirSync(dirname(folder), { recursive: true });
  const work = mkdtempSync(join(dirname(folder), ".incoming-"));
  try {
    const environment = { GIT_INDEX_FILE: `${work}.index`, GIT_WORK_TREE: work };
    await git(
      repository,
      ["-c", "core.autocrlf=false", "checkout", "--quiet", sha, "--", "."],
      environment,
      work,
    );
    renameSync(work, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
    rmSync(`${work}.index`, { force: true });
  }
}

async function git(
  repository: string,
  args: string[],
  environment: Record<string, string> = {},
  cwd?: string,
): Promise<string> {
  try {
    const { stdout } = await execa("git", args, {
      env: { ...GIT_ENVIRONMENT, GIT_DIR: repository, ...environment },
      ...(cwd !== undefined && { cwd }),
      stdin: "ignore",
    });
    return stdout.trim();
  } catch (cause) {
    const { shortMessage, stderr } = cause as { shortMessage?: string; stderr?: string };
    throw new StepError(
      `sandbox: expected git to prepare the app's releases in ${repository}, got: ${stderr || shortMessage}. ` +
        "Install git if it is missing; else remove that folder and run `npx rollout sandbox up` again.",
      { cause },
    );
  }
}
