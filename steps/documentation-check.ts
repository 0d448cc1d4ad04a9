import type { z } from "zod";
import { DeploymentSection } from "../config/deployment.ts";
import { DocumentationSection } from "../config/documentation.ts";
import { ReleasesSection } from "../config/releases.ts";
import { StepError } from "../errors/step-error.ts";
import { entryKey, isDoneWith } from "../ledger/entries.ts";
import { FetchedCommits } from "../review/commit-range.ts";
import { clip } from "../review/finding.ts";
import { mentions, mentionText } from "../review/mentions.ts";
import { BaseSpec, defineStep, MINUTE, type Observation, type StepDeps } from "./step.ts";

export const DocumentationCheckSpec = BaseSpec.extend({
  /** Git URL or path that the application's commits are fetched from. */
  repository: DeploymentSection.shape.repository,
  /** Commit that has to hold the files. */
  release: ReleasesSection.shape.interface,
  files: DocumentationSection.shape.files,
});
export type DocumentationCheckSpec = z.infer<typeof DocumentationCheckSpec>;

export interface DocumentationCheckResult {
  release: string;
  /** Each file and how many of its mentions were found: all of them. */
  files: { path: string; mentions: number }[];
}

/** Longest time of a look in a preview: a large repository is then left to the step itself. */
const LOOK_MS = 12_000;
const FETCH_MS = 15 * 60_000;

/** What a file lacks, each named; empty when it is as it has to be. Pure. */
function faultsOf(
  { path, mentions: wanted }: DocumentationCheckSpec["files"][number],
  release: string,
  text: string | undefined,
): string[] {
  const where = `${clip(path, 200)} of release ${release.slice(0, 12)}`;
  const remedy =
    "Write it there and point releases.interface at that commit, or correct documentation.files.";
  if (text === undefined) return [`documentation-check: expected the file ${where}, got none. ${remedy}`];
  return wanted
    .filter((mention) => !mentions(text, mention))
    .map(
      (mention) =>
        `documentation-check: expected ${clip(mentionText(mention), 200)} in ${where}, got no mention of it. ${remedy}`,
    );
}

function findFaults(spec: DocumentationCheckSpec, signal: AbortSignal, timeoutMs: number): Promise<string[]> {
  const { repository, release, files } = spec;
  const range = { step: "documentation-check", repository, from: release, to: release, signal, timeoutMs };
  return FetchedCommits.use(range, async (commits) => {
    const faults: string[] = [];
    for (const file of files) faults.push(...faultsOf(file, release, await commits.readText(file.path)));
    return faults;
  });
}

/** Faults that a preview can tell in time; undefined where the repository takes longer than that. */
async function lookAhead(spec: DocumentationCheckSpec, { signal }: StepDeps): Promise<string[] | undefined> {
  const limit = AbortSignal.timeout(LOOK_MS);
  try {
    return await findFaults(spec, AbortSignal.any([signal, limit]), LOOK_MS);
  } catch (error) {
    if (limit.aborted && !signal.aborted) return undefined;
    if (error instanceof StepError) return [error.message];
    throw error;
  }
}

async function observe(spec: DocumentationCheckSpec, deps: StepDeps): Promise<Observation> {
  const { files, release } = spec;
  const quiet = { drift: [], undo: [], estimateSeconds: 2 };
  const own = deps.evidence.entries().get(entryKey(spec.identity));
  // A commit does not change: what was found in it stands.
  if (isDoneWith(own, spec)) return { ...quiet, plan: [], blockers: [] };
  const plan = [
    `checks ${files.length} ${files.length === 1 ? "file" : "files"} of documentation in release ${release.slice(0, 12)} (read-only)`,
  ];
  const faults = await lookAhead(spec, deps);
  if (!faults) plan.push(`the repository took more than ${LOOK_MS / 1000} s: the step itself will tell`);
  return { ...quiet, plan, blockers: faults ?? [] };
}

async function apply(spec: DocumentationCheckSpec, deps: StepDeps): Promise<DocumentationCheckResult> {
  const faults = await findFaults(spec, deps.signal, FETCH_MS);
  if (faults.length > 0) throw new StepError(faults.join("\n"));
  const files = spec.files.map(({ path, mentions: found }) => ({ path, mentions: found.length }));
  deps.log(`documentation-check: ${files.map(({ path }) => path).join(", ")}: all there`);
  return { release: spec.release, files };
}

/**
 * The documentation that went along with the release: files that it must hold, and what they must mention.
 * @see runbook 3.6; docs/documentation-check.md
 */
export const documentationCheck = defineStep({
  name: "documentation-check",
  spec: DocumentationCheckSpec,
  lease: false,
  deadlineSeconds: 30 * MINUTE,
  observe,
  apply,
  async undo() {
    return { summary: "nothing to undo: the check only reads", kept: [] };
  },
});
