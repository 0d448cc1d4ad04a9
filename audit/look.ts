import type { RolloutConfig } from "../config/schema.ts";
import { tellError } from "../errors/report-error.ts";
import type { AuditPoint } from "../ledger/audit-point.ts";
import { countRows } from "../postgres/migration/counts.ts";
import { withConnection } from "../postgres/session.ts";
import { valuesAt } from "../steps/snapshot/output-rules.ts";
import type { StepDeps } from "../steps/step.ts";
import { countTickets } from "./count-tickets.ts";
import { compareCarveouts } from "./earlier-costs.ts";
import { findToggles } from "./find-toggles.ts";
import { judgeSuiteRun, judgeTickets, judgeToggles } from "./judge-course.ts";
import {
  judgeCarveouts,
  judgeNulls,
  judgeTsa,
  judgeTypes,
  type KindSeen,
  type Unseen,
} from "./judge-data.ts";
import { readOutputs, type SampledDeal } from "./read-outputs.ts";
import { runTests } from "./run-tests.ts";

/** What fails is one point that is not known; the others are looked at all the same. */
async function attempt<T extends object>(
  work: () => Promise<T | Unseen>,
  signal: AbortSignal,
): Promise<T | Unseen> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    const [line = ""] = tellError(error).split("\n");
    return { unseen: line.slice(0, 500) };
  }
}

const kindsOf = (deals: SampledDeal[] | Unseen, { tsa }: RolloutConfig["audit"]): KindSeen[] | Unseen => {
  if ("unseen" in deals) return deals;
  return deals
    .filter(({ output }) => output !== undefined)
    .map(({ key, type, output }) => ({ key, type, has: valuesAt(output, tsa.field).includes(tsa.value) }));
};

/** The sample is kept: what was compared can be compared again. */
async function keepSample(deals: SampledDeal[] | Unseen, deps: StepDeps): Promise<string> {
  if ("unseen" in deals) return "";
  return deps.saveArtifact("audit-sample.ndjson", deals.map(({ text }) => `${text}\n`).join(""));
}

/**
 * Looks at the runbook's seven points, each by itself. Only reads, but for the artifacts that show what was seen.
 * @param tickets as a person entered them.
 * @see runbook 4.7; docs/audit.md
 */
export async function lookAtPoints(
  config: RolloutConfig,
  deps: StepDeps,
  { tickets }: { tickets?: number | undefined },
): Promise<AuditPoint[]> {
  const { change, audit } = config;
  const { signal, evidence } = deps;
  const counts = await attempt(() => withConnection(deps, (client) => countRows(client, change)), signal);
  const deals = await attempt(() => readOutputs(config, audit, deps), signal);
  const sample = await keepSample(deals, deps);
  const costs = await attempt(() => compareCarveouts(deals, audit.carveouts, evidence, sample), signal);
  const counted = await attempt(() => countTickets(audit.tickets, tickets, signal), signal);
  const suite = await attempt(() => runTests(config, deps), signal);
  const toggles = findToggles(evidence.records(), { now: deps.now(), days: audit.afterDays });
  const tsa = judgeTsa(kindsOf(deals, audit), audit);
  return [
    judgeTypes(counts, change),
    judgeNulls(counts, change),
    judgeCarveouts(costs, audit.carveouts),
    sample === "" ? tsa : { ...tsa, evidence: [sample] },
    judgeTickets(counted, audit.tickets),
    judgeToggles(toggles, audit.afterDays),
    judgeSuiteRun(suite),
  ];
}
