import { z } from "zod";
import { HealthFields } from "../config/health-fields.ts";
import { OutputsSection } from "../config/outputs.ts";
import { ShadowSection } from "../config/shadow.ts";
import { Host } from "../config/target.ts";
import { StepError } from "../errors/step-error.ts";
import { entryKey, isDoneWith } from "../ledger/entries.ts";
import { readType, type SampledRow, sampleRows } from "../postgres/deals/deal-sample.ts";
import { Change } from "../postgres/migration/change.ts";
import { withConnection } from "../postgres/session.ts";
import { type ComparedDeal, compareDeals, type DealDifference } from "./shadow/shadow-compare.ts";
import { withFlagPair } from "./shadow/shadow-pair.ts";
import { type ReadySpec, shadowBlockers, shadowNotes } from "./shadow/shadow-readiness.ts";
import { BaseSpec, defineStep, HOUR, type Observation, type StepDeps } from "./step.ts";

export const ShadowComparisonSpec = BaseSpec.extend({
  change: Change,
  shadow: ShadowSection.optional(),
  /** How outputs are asked for: by requests alone, a command would ask the running application. */
  outputs: OutputsSection.omit({
    command: true,
    inherit: true,
    maxErrors: true,
    resumeHours: true,
    compress: true,
    ignoredColumns: true,
  }),
  /** Commit that is tried. */
  release: z.string().regex(/^[0-9a-f]{40}$/),
  /** Where it is installed, and whose variables it gets. */
  host: Host.pick({ name: true, envFile: true, envFileReader: true, appDir: true, path: true }).extend({
    /** Its unit that is mirrored: by it the host tells who reads envFile. */
    unit: z.string().optional(),
    /** Where it says what it is, if that is not `/health` by the usual names. */
    health: z.strictObject({ path: z.string(), fields: HealthFields.optional() }).optional(),
  }),
  flagVariable: z.string().min(1),
});
/** What of the configured outputs matters here, so that another setting of the snapshot is no change of the step. */
export function comparedOutputs(outputs: OutputsSection): ShadowComparisonSpec["outputs"] {
  const { requests, concurrency, requestsPerSecond, timeoutSeconds, attempts, maxAnswerKib, tokenVariable } =
    outputs;
  const asked = { requests, concurrency, requestsPerSecond, timeoutSeconds, attempts, maxAnswerKib };
  return { ...asked, ...(tokenVariable === undefined ? {} : { tokenVariable }) };
}
export type ShadowComparisonSpec = z.infer<typeof ShadowComparisonSpec>;

export interface ShadowComparisonResult {
  release: string;
  compared: number;
  /** Deals of the sample that were deleted meanwhile. */
  gone: number;
  /** Compared deals of each allowed value; 0 says that the table holds none. */
  byType: Record<string, number>;
  /** Empty in a result: a difference fails the step. */
  differences: DealDifference[];
  /** Path in the evidence folder. */
  report: string;
}

/** Differences that a message lists; the report has all of them. */
const SHOWN = 50;

async function observe(spec: ShadowComparisonSpec, deps: StepDeps): Promise<Observation> {
  const { shadow, release, change } = spec;
  const plan = [
    `starts ${release.slice(0, 12)} privately with the flag on and off and compares up to ${shadow?.sample ?? 0} deals of ${change.table} (read-only)`,
  ];
  const quiet = { drift: [], undo: [], plan };
  const done = isDoneWith(deps.evidence.entries().get(entryKey(spec.identity)), spec);
  if (done) return { ...quiet, blockers: [] };
  const blockers = await shadowBlockers(spec, false, deps);
  return { ...quiet, plan: [...plan, ...(await shadowNotes(spec, deps))], blockers };
}

async function compareSample(rows: SampledRow[], spec: ReadySpec, deps: StepDeps): Promise<ComparedDeal[]> {
  const { shadow, outputs, change } = spec;
  const { signal } = deps;
  return withConnection(deps, (client) =>
    withFlagPair({ ...spec, signal, shell: deps.shell }, outputs, ({ on, off }) =>
      compareDeals(rows, {
        ...{ on, off, rules: shadow.rules, concurrency: outputs.concurrency, signal },
        readType: (key) => readType(client, change, key),
      }),
    ),
  );
}

function summarise(deals: readonly ComparedDeal[], { change, release }: ReadySpec) {
  const there = deals.filter(({ gone }) => !gone);
  const countOf = (type: string) => there.filter((deal) => deal.type === type).length;
  return {
    release,
    compared: there.length,
    gone: deals.length - there.length,
    byType: Object.fromEntries(change.allowed.map((type) => [type, countOf(type)])),
    differences: there.flatMap(({ differences }) => differences),
  };
}

function refuseDifferences(differences: readonly DealDifference[], compared: number, report: string): void {
  if (differences.length === 0) return;
  const deals = new Set(differences.map(({ key }) => key)).size;
  const more = differences.length - SHOWN;
  throw new StepError(
    [
      `shadow-comparison: expected outputs as shadow.rules says, got ${differences.length} differences in ${deals} of ${compared} deals (${report}).`,
      ...differences.slice(0, SHOWN).map(({ key, type, fault }) => `  - deal ${key} (${type}): ${fault}`),
      ...(more > 0 ? [`  … ${more} more in the report`] : []),
      "Nobody has seen them: mend the release, or correct shadow.rules, then run again.",
    ].join("\n"),
  );
}

async function apply(spec: ShadowComparisonSpec, deps: StepDeps): Promise<ShadowComparisonResult> {
  const blockers = await shadowBlockers(spec, true, deps);
  const { shadow } = spec;
  if (!shadow || blockers.length > 0) throw new StepError(blockers.join("\n"));
  const ready = { ...spec, shadow };
  const rows = await withConnection(deps, async (client) => {
    await client.query("SET default_transaction_read_only = on");
    return sampleRows(client, spec.change, ready.shadow.sample);
  });
  const summary = summarise(await compareSample(rows, ready, deps), ready);
  const content = { version: 1, takenAt: deps.now().toISOString(), rules: ready.shadow.rules, ...summary };
  const report = await deps.saveArtifact("shadow-comparison.json", `${JSON.stringify(content, null, 1)}\n`);
  refuseDifferences(summary.differences, summary.compared, report);
  const counts = Object.entries(summary.byType).map(([type, count]) => `${count} ${type}`);
  deps.log(`shadow-comparison: ${summary.compared} deals are as the rules say (${counts.join(", ")})`);
  for (const [type, count] of Object.entries(summary.byType)) {
    if (count === 0)
      deps.log(`shadow-comparison: ${spec.change.table} holds no ${type}, so none was compared`);
  }
  return { ...summary, report };
}

/**
 * The same deals, analysed by the new release with the flag off and on, before anyone sees it: what must be identical
 * is, and what differs does so as the rules say.
 * @see runbook 2.4, 4.1; docs/code-deployment-checks.md
 */
export const shadowComparison = defineStep({
  name: "shadow-comparison",
  spec: ShadowComparisonSpec,
  lease: false,
  deadlineSeconds: 4 * HOUR,
  observe,
  apply,
  async undo() {
    return { summary: "nothing to undo: it only compared", kept: [] };
  },
});
