import { z } from "zod";
import { RegressionSection } from "../config/regression.ts";
import { StepError } from "../errors/step-error.ts";
import { entryKey, isDoneWith } from "../ledger/entries.ts";
import { readKeyOrder } from "../postgres/deals/key-order.ts";
import { KeyReader } from "../postgres/deals/key-pages.ts";
import { Change } from "../postgres/migration/change.ts";
import { withConnection } from "../postgres/session.ts";
import { withProgress } from "../system/progress.ts";
import { quoteWord } from "../system/shell-word.ts";
import type { Finding } from "./regression/regression-finding.ts";
import {
  type FindingsFile,
  FindingsWriter,
  removeUnfinishedFindings,
} from "./regression/regression-report.ts";
import { type ComparisonRun, compareSnapshots } from "./regression/regression-run.ts";
import { type SettleOptions, settle } from "./regression/regression-settle.ts";
import { summarise } from "./regression/regression-summary.ts";
import type { ClassCounts, RegressionTally } from "./regression/regression-tally.ts";
import { findPair, findTaken, SnapshotReference, type TakenSnapshot } from "./snapshot/snapshot-pair.ts";
import { BaseSpec, defineStep, HOUR, type Observation, type StepDeps } from "./step.ts";

export const RegressionSpec = BaseSpec.extend({
  change: Change,
  regression: RegressionSection.optional(),
  /** What of a row tells nothing of an edit, as the snapshots have it. */
  ignoredColumns: z.array(z.string()),
  /** Steps that took the snapshots; `post` is of the same phase. */
  pre: SnapshotReference,
  post: SnapshotReference,
});
export type RegressionSpec = z.infer<typeof RegressionSpec>;

/** A snapshot that was compared. */
export interface ComparedSnapshot {
  sha256: string;
  release: string | null;
  startedAt: string;
  deals: number;
}

export interface RegressionResult {
  /** Deals that both snapshots have answers of; of these, as they were but for the type's spelling. */
  compared: number;
  exact: number;
  classes: ClassCounts;
  byType: RegressionTally["byType"];
  /** The worst ones, without values of the outputs; empty in a result: a regression fails the step. */
  worst: Finding[];
  pre: ComparedSnapshot;
  post: ComparedSnapshot;
  /** Every deal that is not simply as it was. */
  findings: FindingsFile;
  /** Path in the evidence folder. */
  report: string;
}

type Ready = RegressionSpec & { regression: RegressionSection };

/** Deals that are read in a second on one core, measured low. */
const DEALS_PER_SECOND = 100_000;

function configBlockers({ regression, change }: RegressionSpec): string[] {
  if (!regression) {
    return [
      "regression: expected regression in the stack config, got none. Say how outputs may differ: docs/regression.md.",
    ];
  }
  return change.allowed
    .filter((type) => !Object.hasOwn(regression.rules, type))
    .map(
      (type) =>
        `regression: expected rules for every value of change.allowed, got none for ${type}. Add regression.rules.${type}: identical, or a list of rules.`,
    );
}

const describe = ({ manifest }: TakenSnapshot) =>
  `${manifest.totalDeals.toLocaleString("en-US")} deals of ${manifest.startedAt}`;

/** The snapshot, or why there is none. */
function tryFind(reference: SnapshotReference, spec: RegressionSpec, deps: StepDeps): TakenSnapshot | string {
  try {
    return findTaken(reference, spec.identity, deps);
  } catch (error) {
    if (error instanceof StepError) return error.message;
    throw error;
  }
}

async function observe(spec: RegressionSpec, deps: StepDeps): Promise<Observation> {
  const [pre, post] = [tryFind(spec.pre, spec, deps), tryFind(spec.post, spec, deps)];
  // In a first preview the later snapshot is not there yet: it is taken by the step before.
  const later = typeof post === "string" ? `what ${spec.post.step} will take` : describe(post);
  const done = isDoneWith(deps.evidence.entries().get(entryKey(spec.identity)), spec);
  if (done) return { drift: [], plan: [], undo: [], blockers: [] };
  const plan = [
    `compare ${typeof pre === "string" ? `what ${spec.pre.step} took` : describe(pre)} with ${later} (read-only)`,
  ];
  const blockers = [...configBlockers(spec), ...(typeof pre === "string" ? [pre] : [])];
  const deals = typeof pre === "string" ? 0 : pre.manifest.totalDeals;
  return { drift: [], undo: [], plan, blockers, estimateSeconds: 1 + Math.ceil(deals / DEALS_PER_SECOND) };
}

/** Whether both say of which columns their digests are, and it is the same ones. */
function sameColumns(pre: TakenSnapshot, post: TakenSnapshot, log: StepDeps["log"]): boolean {
  const [before, now] = [pre.manifest.columns ?? [], post.manifest.columns ?? []];
  const same = before.length > 0 && before.join() === now.join();
  if (!same)
    log(
      "regression: the table has other columns than it had: edited rows are told by their type alone, all others count as not edited",
    );
  return same;
}

function runOf(
  spec: Ready,
  pair: { pre: TakenSnapshot; post: TakenSnapshot },
  writer: FindingsWriter,
  deps: StepDeps,
  options: Pick<SettleOptions, "client" | "reader"> & Pick<ComparisonRun, "order">,
): ComparisonRun {
  const { change, regression: section } = spec;
  const { pre, post } = pair;
  const settling: SettleOptions = {
    ...{ change, reader: options.reader, client: options.client },
    ...{ comparable: sameColumns(pre, post, deps.log), createdColumn: section.createdColumn },
    ...{ since: pre.manifest.clock ?? pre.manifest.startedAt, laterMoment: post.manifest.moment },
    accepted: new Map(section.accepted.map(({ key, reason }) => [key, reason])),
  };
  return {
    ...{ change, section, order: options.order, signal: deps.signal },
    pre: { path: pre.path, sha256: pre.manifest.sha256 },
    post: { path: post.path, sha256: post.manifest.sha256 },
    settle: (suspects) => (suspects.length === 0 ? Promise.resolve([]) : settle(suspects, settling)),
    take: (findings) => writer.add(findings),
  };
}

function progressLine({ pre, post }: { pre: TakenSnapshot; post: TakenSnapshot }) {
  const total = Math.max(pre.manifest.totalDeals, post.manifest.totalDeals).toLocaleString("en-US");
  return (done: number) => `regression: ${done.toLocaleString("en-US")} of about ${total} deals compared`;
}

async function compare(spec: Ready, deps: StepDeps) {
  const pair = findPair(spec, deps);
  const writer = await FindingsWriter.open(spec, deps.now());
  const reader = new KeyReader(deps.connect, spec.change, deps.signal, spec);
  try {
    const tally = await withConnection(deps, async (client) => {
      await client.query("SET default_transaction_read_only = on");
      const order = await readKeyOrder(client, spec.change);
      const run = runOf(spec, pair, writer, deps, { client, reader, order });
      return withProgress({ log: deps.log, say: progressLine(pair) }, (progress) =>
        compareSnapshots({ ...run, progress }),
      );
    });
    return { pair, tally, findings: await writer.finish() };
  } catch (error) {
    await writer.discard();
    throw error;
  } finally {
    await reader.end();
  }
}

const shownSnapshot = ({ manifest }: TakenSnapshot): ComparedSnapshot => {
  const { sha256, release, startedAt, totalDeals } = manifest;
  return { sha256, release, startedAt, deals: totalDeals };
};

function refuseRegressions(tally: RegressionTally, findings: FindingsFile, spec: Ready): void {
  if (tally.regressions === 0) return;
  const keys = tally.worst.slice(0, 3).map(({ key }) => quoteWord(key));
  throw new StepError(
    [
      `regression: expected every deal as regression.rules says, got ${tally.regressions.toLocaleString("en-US")} that are not (all in ${findings.path}).`,
      ...summarise(tally),
      `Look into them: npx rollout investigate ${keys.join(" ")} --stack ${spec.identity.stack}`,
      "Then mend the release, or say in regression.accepted why a deal differs, and run `up` again. The feature is not made permanent before.",
    ].join("\n"),
  );
}

/** Where most deals were edited, nothing was shown of the release. */
function refuseUncompared({ classes, compared }: RegressionTally, { regression }: Ready): void {
  const { maxChangedPercent } = regression;
  if (classes.changed * 100 <= maxChangedPercent * compared) return;
  throw new StepError(
    `regression: expected at most ${maxChangedPercent} % of the deals edited between the snapshots, got ${classes.changed} of ${compared}. ` +
      "If that is no users' work, name the columns that change by themselves in outputs.ignoredColumns; else raise regression.maxChangedPercent.",
  );
}

async function apply(spec: RegressionSpec, deps: StepDeps): Promise<RegressionResult> {
  const blockers = configBlockers(spec);
  if (!spec.regression || blockers.length > 0) throw new StepError(blockers.join("\n"));
  const ready = { ...spec, regression: spec.regression };
  const { pair, tally, findings } = await compare(ready, deps);
  const { compared, exact, classes, byType, worst } = tally;
  const snapshots = { pre: shownSnapshot(pair.pre), post: shownSnapshot(pair.post) };
  const content = {
    version: 1,
    takenAt: deps.now().toISOString(),
    compared,
    exact,
    classes,
    byType,
    worst,
    ...snapshots,
  };
  const report = await deps.saveArtifact(
    "regression.json",
    `${JSON.stringify({ ...content, findings }, null, 1)}\n`,
  );
  refuseRegressions(tally, findings, ready);
  refuseUncompared(tally, ready);
  for (const line of summarise(tally)) deps.log(line);
  return { compared, exact, classes, byType, worst, ...snapshots, findings, report };
}

/**
 * Compares what the application says of every deal with what it said before the rollout. A deal that is not as the rules
 * say, and that no user edited, fails the step: what comes after makes the feature permanent.
 * @see runbook 4.2; docs/regression.md
 */
export const regression = defineStep({
  name: "regression",
  spec: RegressionSpec,
  lease: false,
  deadlineSeconds: 4 * HOUR,
  observe,
  apply,
  async undo(spec) {
    await removeUnfinishedFindings(spec);
    return { summary: "nothing to undo: it only compared", kept: [] };
  },
});
