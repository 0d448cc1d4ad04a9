import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hideCredentials } from "../config/value-text.ts";
import { StepError } from "../errors/step-error.ts";
import { childEnvironment, runProgram } from "../processes/child-process.ts";
import { lineEnd } from "../system/plain-line.ts";
import { clip } from "./finding.ts";

/** Output of git that is read: a range that prints more is no review. */
const OUTPUT_LIMIT = 64 * 1024 * 1024;

/** Commits and files between two commits. */
export interface CommitRange {
  /** Newest first. */
  commits: { sha: string; subject: string }[];
  files: { status: string; path: string }[];
  /** False when `from` is not a forebear of `to`: then the old release holds what the new one lacks. */
  descends: boolean;
}

/** Paths that a commit names without holding what belongs there. */
export interface KeptElsewhere {
  submodules: string[];
  /** With the size that each has: `a.bin (132 bytes)`. */
  lfs: string[];
}

/** Files that are looked at whether they are pointers: a person reads no more. */
const MOST_POINTERS = 50;
const POINTER = /^version [^\n]*\noid sha256:[0-9a-f]{64}\nsize (\d+)$/m;

export interface CommitRangeOptions {
  /** Step that asks, for messages. */
  step: string;
  /** URL or path; a relative path starts at the project's root. */
  repository: string;
  from: string;
  to: string;
  timeoutMs: number;
  signal: AbortSignal;
}

/*
 * git may ask nobody, run nothing of the repository's, and use no protocol that can start a program (ext::).
 * HOME stays: how to log in to a real server is the user's own set-up.
 */
function gitEnvironment(): Record<string, string> {
  const { SSH_AUTH_SOCK } = process.env;
  return {
    ...childEnvironment(),
    ...(SSH_AUTH_SOCK ? { SSH_AUTH_SOCK } : {}),
    GIT_TERMINAL_PROMPT: "0",
    GIT_SSH_COMMAND: "ssh -oBatchMode=yes",
    GIT_ALLOW_PROTOCOL: "file:git:http:https:ssh",
    GIT_LFS_SKIP_SMUDGE: "1",
  };
}

/** A bare repository of our own for the time of a review; the application's is only read. */
export class FetchedCommits {
  readonly #folder: string;
  readonly #options: CommitRangeOptions;

  private constructor(folder: string, options: CommitRangeOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  /**
   * Fetches both commits, hands them to `work`, and removes them whatever happens.
   * @throws {StepError} for a repository that can't be read, or that lacks one of them.
   */
  static async use<T>(
    options: CommitRangeOptions,
    work: (commits: FetchedCommits) => Promise<T>,
  ): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), "rollout-commits-"));
    try {
      const commits = new FetchedCommits(folder, options);
      await commits.#fetch();
      return await work(commits);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #git(args: readonly string[], environment: Record<string, string> = {}, cwd?: string) {
    const outcome = await runProgram(["git", "--git-dir", join(this.#folder, "git"), ...args], {
      environment: { ...gitEnvironment(), ...environment },
      timeoutMs: this.#options.timeoutMs,
      signal: this.#options.signal,
      maxOutput: OUTPUT_LIMIT,
      ...(cwd === undefined ? {} : { cwd }),
    });
    this.#options.signal.throwIfAborted();
    return outcome;
  }

  async #read(args: readonly string[], environment?: Record<string, string>, cwd?: string): Promise<string> {
    const { exitCode, failure, stdout, stderr } = await this.#git(args, environment, cwd);
    if (exitCode === 0 && !failure) return stdout;
    throw this.#unreadable(failure ?? stderr);
  }

  #unreadable(said: string): StepError {
    const { step, repository } = this.#options;
    return new StepError(
      `${step}: expected to fetch from ${clip(repository, 200)}, got: ${lineEnd(hideCredentials(said))}. ` +
        "Correct deployment.repository, or let this machine log in there without a question.",
    );
  }

  async #fetch(): Promise<void> {
    const { step, repository, from, to } = this.#options;
    await this.#read(["init", "--quiet", "--bare", "--template=", join(this.#folder, "git")]);
    const fetch = ["fetch", "--quiet", "--no-tags"];
    const exact = await this.#git([...fetch, "--", repository, from, to]);
    // A server may hand out what a branch or tag names and nothing else: then all of those, and look for ours.
    if (exact.exitCode !== 0) {
      await this.#read([
        ...fetch,
        "--",
        repository,
        "+refs/heads/*:refs/heads/*",
        "+refs/tags/*:refs/tags/*",
      ]);
    }
    const lacks: string[] = [];
    for (const sha of new Set([from, to])) {
      const { exitCode } = await this.#git(["cat-file", "-e", `${sha}^{commit}`]);
      if (exitCode !== 0) lacks.push(sha);
    }
    if (lacks.length === 0) return;
    throw new StepError(
      `${step}: expected commit ${lacks.join(" and ")} in ${clip(repository, 200)}, got none. ` +
        "Push it there (a branch or tag has to reach it), or correct releases in the stack config.",
    );
  }

  /** What lies between the two commits. Renames count as both of their paths. */
  async readRange(): Promise<CommitRange> {
    const { from, to } = this.#options;
    const range = `${from}..${to}`;
    const log = await this.#read(["log", "--format=%H %s", range]);
    const names = await this.#read(["diff", "--name-status", "--no-renames", "-z", from, to]);
    const { exitCode } = await this.#git(["merge-base", "--is-ancestor", from, to]);
    const words = names.split("\0");
    const files: CommitRange["files"] = [];
    for (let at = 0; at + 1 < words.length; at += 2) {
      files.push({ status: words[at] as string, path: words[at + 1] as string });
    }
    const commits = log.split("\n").filter((line) => line !== "");
    return {
      commits: commits.map((line) => ({ sha: line.slice(0, 40), subject: clip(line.slice(41), 200) })),
      files,
      descends: exitCode === 0,
    };
  }

  /** Files of `to` that its commit does not hold: submodules, and what Git LFS keeps, told by what the pointers say. */
  async readKeptElsewhere(): Promise<KeptElsewhere> {
    const { to } = this.#options;
    const tree = await this.#read(["ls-tree", "-r", "-z", to]);
    const submodules = [...tree.matchAll(/(?:^|\0)160000 commit [0-9a-f]+\t([^\0]+)/g)].map(
      ([, path = ""]) => path,
    );
    const first = "^version https://git-lfs.github.com/spec/v1$";
    const found = await this.#git(["grep", "-I", "-l", "-z", "-e", first, to]);
    const paths = found.stdout.split("\0").filter((name) => name !== "");
    const lfs: string[] = [];
    for (const path of paths.map((name) => name.slice(to.length + 1)).slice(0, MOST_POINTERS)) {
      const text = (await this.readText(path)) ?? "";
      const [, size] = POINTER.exec(text) ?? [];
      if (size) lfs.push(`${path} (${size} bytes)`);
    }
    return { submodules, lfs };
  }

  /** Text of one file of `to`; undefined where it holds none of that path, or a folder or link. */
  async readText(path: string): Promise<string | undefined> {
    const listing = await this.#read(["--literal-pathspecs", "ls-tree", "-z", this.#options.to, "--", path]);
    const [, blob] = /^100\d{3} blob ([0-9a-f]+)\t/.exec(listing) ?? [];
    return blob && this.#read(["cat-file", "blob", blob]);
  }

  /** Writes the files of `to` into a folder that ends with this review. */
  async checkOut(): Promise<string> {
    const tree = join(this.#folder, "tree");
    await mkdir(tree);
    const environment = { GIT_WORK_TREE: tree, GIT_INDEX_FILE: join(this.#folder, "index") };
    const settings = ["-c", "core.autocrlf=false", "-c", "core.hooksPath=/dev/null"];
    await this.#read([...settings, "checkout", "--quiet", this.#options.to, "--", "."], environment, tree);
    return tree;
  }
}
