import { relative, resolve } from "node:path";
import { z } from "zod";
import { DeploymentSection } from "../config/deployment.ts";
import { StepError } from "../errors/step-error.ts";
import { type Checklist, pointsOf, untickedLine } from "../ledger/checklist.ts";
import { entryKey, isDoneWith } from "../ledger/entries.ts";
import { type CommitRange, FetchedCommits } from "../review/commit-range.ts";
import { clip } from "../review/finding.ts";
import { findFlagReads, isRunCode } from "../review/flag-reads.ts";
import { readTree } from "../review/source-tree.ts";
import {
  flagStops,
  lfsNotes,
  listed,
  rangeStops,
  SHOWN,
  submoduleStops,
} from "./code-review/code-review-stops.ts";
import { shortSha } from "./restart/host-work.ts";
import { BaseSpec, defineStep, MINUTE, type Observation, type StepDeps } from "./step.ts";

const Sha = z.string().regex(/^[0-9a-f]{40}$/);

export const CodeReviewSpec = BaseSpec.extend({
  /** Git URL or path that the application's commits are fetched from. */
  repository: DeploymentSection.shape.repository,
  /** Commit that runs now. */
  from: Sha,
  /** Commit that is to run. */
  to: Sha,
  /** The only name under which code may read the flag. */
  flagVariable: z.string().min(1),
  /** Whether the code reads the flag by its name, or neither reads nor sets it any more. */
  flag: z.enum(["read", "gone"]).default("read"),
  /** Key under `deployment` that says what is expected: messages name it. */
  section: z.enum(["review", "interfaceReview", "permanentReview"]).default("review"),
  review: z.strictObject({
    files: z.array(z.string()),
    points: z.array(z.string()),
    knownVariables: z.array(z.string()),
  }),
  /** Where nobody is there to tick the points, the run does it in this name. */
  checkedBy: z.string().optional(),
});
export type CodeReviewSpec = z.infer<typeof CodeReviewSpec>;

export interface CodeReviewResult extends Checklist {
  commits: number;
  files: number;
  /** Places that read the flag, `file:line`. */
  readers: string[];
  /** Path of the whole review in the evidence folder. */
  report: string;
  /** Points that nobody has ticked yet: what the gate says where nobody looks again. */
  gate: string[];
}

/** What a review found; `stops` keeps the phase from going on. */
interface Findings extends CommitRange {
  /** Places that read the flag, or that still set it where it is to be gone. */
  readers: string[];
  /** Files that were too many or too large to be searched. */
  unread: string[];
  stops: string[];
  /** What has to be known beside what stops. */
  notes: string[];
}

/** Longest time of a look in a preview: a large repository is then left to the step itself. */
const LOOK_MS = 12_000;
const FETCH_MS = 15 * 60_000;
const subjectOf = ({ from, to }: CodeReviewSpec) => `${shortSha(from)}..${shortSha(to)}`;

/** Prose may tell the flag's story; code, tests and settings may neither read nor set it. */
const isProse = (path: string) => /\.(?:md|markdown|rst|adoc)$/i.test(path);

async function searchTree(tree: string, spec: CodeReviewSpec, signal: AbortSignal) {
  const { flagVariable, review } = spec;
  const { files, gaps } = readTree(tree, { signal });
  const found = { readers: [] as string[], wrong: [] as string[], unread: [] as string[] };
  for await (const { path, text } of files) {
    const shown = relative(tree, resolve(path));
    const isGone = spec.flag === "gone";
    if (isGone ? isProse(shown) : !isRunCode(shown)) continue;
    const { right, wrong, set } = findFlagReads({ path: shown, text }, flagVariable, review.knownVariables);
    if (isGone) found.readers.push(...set.map(({ line }) => `${shown}:${line}`));
    found.readers.push(...right.map(({ line }) => `${shown}:${line}`));
    found.wrong.push(...wrong.map(({ line, name }) => `${shown}:${line} (${name})`));
  }
  found.unread.push(...[...gaps.tooLarge, ...gaps.unreadable].map((path) => relative(tree, path)));
  if (gaps.cut) found.unread.push("everything after the first 20,000 files");
  return found;
}

function judge(spec: CodeReviewSpec, signal: AbortSignal, timeoutMs: number): Promise<Findings> {
  const { repository, from, to } = spec;
  return FetchedCommits.use(
    { step: "code-review", repository, from, to, signal, timeoutMs },
    async (commits) => {
      const range = await commits.readRange();
      const { readers, wrong, unread } = await searchTree(await commits.checkOut(), spec, signal);
      const elsewhere = await commits.readKeptElsewhere();
      const stops = [
        ...rangeStops(range, spec),
        ...flagStops(readers, wrong, spec),
        ...submoduleStops(elsewhere, spec),
      ];
      return { ...range, readers, unread, stops, notes: lfsNotes(elsewhere) };
    },
  );
}

/** Stops and notes that a preview can tell in time; undefined where the repository takes longer than that. */
async function lookAhead(
  spec: CodeReviewSpec,
  { signal }: StepDeps,
): Promise<Pick<Findings, "stops" | "notes"> | undefined> {
  const limit = AbortSignal.timeout(LOOK_MS);
  try {
    return await judge(spec, AbortSignal.any([signal, limit]), LOOK_MS);
  } catch (error) {
    if (limit.aborted && !signal.aborted) return undefined;
    if (error instanceof StepError) return { stops: [error.message], notes: [] };
    throw error;
  }
}

async function observe(spec: CodeReviewSpec, deps: StepDeps): Promise<Observation> {
  const what =
    spec.flag === "read"
      ? `how code reads ${spec.flagVariable}`
      : `that none reads or sets ${spec.flagVariable}`;
  const plan = [
    `reviews ${subjectOf(spec)} of ${clip(spec.repository, 200)}: commits, files, ${what} (read-only)`,
  ];
  const quiet = { drift: [], undo: [], plan };
  const entry = deps.evidence.entries().get(entryKey(spec.identity));
  if (isDoneWith(entry, spec)) {
    const open = pointsOf(entry, deps.evidence.records()).filter(({ tick }) => !tick);
    return { ...quiet, blockers: [], gate: open.map(untickedLine) };
  }
  const found = await lookAhead(spec, deps);
  if (found) plan.push(...found.notes);
  else plan.push(`the repository took more than ${LOOK_MS / 1000} s: what it holds is told by the step`);
  return { ...quiet, blockers: found?.stops ?? [] };
}

const counted = ({ length }: readonly unknown[], what: string) =>
  `${length} ${what}${length === 1 ? "" : "s"}`;

async function apply(spec: CodeReviewSpec, deps: StepDeps): Promise<CodeReviewResult> {
  const found = await judge(spec, deps.signal, FETCH_MS);
  const { points } = spec.review;
  const takenAt = deps.now().toISOString();
  const content = { version: 1, takenAt, from: spec.from, to: spec.to, ...found, points };
  const report = await deps.saveArtifact("code-review.json", `${JSON.stringify(content, null, 1)}\n`);
  if (found.stops.length > 0) throw new StepError(`${found.stops.join("\n")}\nThe whole review: ${report}`);
  const flag =
    spec.flag === "gone" ? "nothing reads or sets the flag" : `the flag is read in ${listed(found.readers)}`;
  deps.log(
    `code-review: ${counted(found.commits, "commit")}, ${counted(found.files, "file")}, ${flag} (${report})`,
  );
  if (found.unread.length > 0) deps.log(`code-review: not searched: ${listed(found.unread)}`);
  const { checkedBy } = spec;
  return {
    ...{ commits: found.commits.length, files: found.files.length, readers: found.readers.slice(0, SHOWN) },
    ...{ report, subject: subjectOf(spec), points, ...(checkedBy === undefined ? {} : { checkedBy }) },
    gate: checkedBy === undefined ? points.map((point) => untickedLine({ point })) : [],
  };
}

/**
 * Reviews what the new release changes before it goes anywhere: only the expected files, on top of what runs, and the
 * flag read under its one name. What only a person can judge are points that the phase's gate needs ticked.
 * @see runbook 2.1; docs/code-deployment-checks.md
 */
export const codeReview = defineStep({
  name: "code-review",
  spec: CodeReviewSpec,
  lease: false,
  deadlineSeconds: 30 * MINUTE,
  observe,
  apply,
  async undo() {
    return { summary: "nothing to undo: the review only reads", kept: [] };
  },
});
