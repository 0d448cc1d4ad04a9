import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { DeploymentSection } from "../config/deployment.ts";
import { StepError } from "../errors/step-error.ts";
import { countLogged, type LogCounts } from "../hosts/log-counts.ts";
import { faultsOf, onHosts, SpecHosts } from "./restart/host-work.ts";
import { restartedSince } from "./restart/restarted-since.ts";
import { BaseSpec, defineStep, HOUR, type Observation, type StepDeps, type UndoResult } from "./step.ts";

export const FlagAbsenceSpec = BaseSpec.extend({
  hosts: SpecHosts,
  /** Paths of logs on each host, `{appDir}` in them. */
  logs: DeploymentSection.shape.logs,
  logTimeZone: DeploymentSection.shape.logTimeZone,
  /** The name that nothing says any more. */
  flagVariable: z.string().min(1),
  /** What runs, so that another release is looked at anew. */
  release: z.string(),
});
export type FlagAbsenceSpec = z.infer<typeof FlagAbsenceSpec>;

export interface FlagAbsenceResult {
  /** By host: since when its processes run (UTC), lines that its logs have since, and how many name the flag. */
  hosts: { host: string; since: string; lines: number; mentions: number }[];
}

/** Logs are written with a delay: this long they get, in seconds and looks. */
const WAIT_SECONDS = 30;

const isSilent = ({ counts: { lines, faults } }: Seen) => lines === 0 && faults.length === 0;

const logsOf = ({ logs }: FlagAbsenceSpec) => logs.join(", ") || "no log";

async function observe(spec: FlagAbsenceSpec): Promise<Observation> {
  const plan = [
    `searches ${logsOf(spec)} of ${spec.hosts.length} hosts since the restart for ${spec.flagVariable} (read-only)`,
  ];
  const blockers =
    spec.logs.length > 0
      ? []
      : ["flag-absence: expected logs to search, got none. Name the application's logs in deployment.logs."];
  return { drift: [], plan, undo: [], blockers, estimateSeconds: 2 };
}

interface Seen {
  host: string;
  since: string;
  counts: LogCounts;
}

/** Why the logs of a host do not prove it. No line at all is no proof: nothing may have been written, or elsewhere. */
function whyUnproven({ host, since, counts }: Seen, flagVariable: string): string[] {
  const { faults, lines, mentions, undated } = counts;
  const reasons = faults.map((fault) => `${host}: ${fault}`);
  if (mentions > 0) reasons.push(`${host}: ${mentions} lines that name ${flagVariable}`);
  if (undated)
    reasons.push(
      `${host}: nobody can tell when ${undated.lines} of them were written, first ${undated.first}`,
    );
  if (lines === 0 && reasons.length === 0)
    reasons.push(
      `${host}: unproven, no line since ${since} whose time is understood: make a request of it, or start a job`,
    );
  return reasons;
}

async function search(spec: FlagAbsenceSpec, deps: StepDeps): Promise<{ seen: Seen[]; faults: string[] }> {
  const { hosts, logs, logTimeZone: timeZone, flagVariable } = spec;
  const restarted = restartedSince(spec.identity, deps.evidence.entries());
  const outcomes = await onHosts(hosts, async (host) => {
    const since = restarted.get(host.name);
    if (since === undefined) throw notRestarted(host.name);
    const question = { logs, timeZone, since, column: flagVariable, values: [], mention: flagVariable };
    return { since, counts: await countLogged(host, question, deps) };
  });
  const seen = outcomes.flatMap(({ host, ...rest }) =>
    "value" in rest && rest.value ? [{ host: host.name, ...rest.value }] : [],
  );
  return { seen, faults: faultsOf(outcomes) };
}

const notRestarted = (host: string) =>
  new StepError(
    `flag-absence: expected a restart of ${host} in the evidence, got none. Run \`up\`: the restart comes before.`,
  );

function refuse(faults: readonly string[], spec: FlagAbsenceSpec): void {
  if (faults.length === 0) return;
  throw new StepError(
    `flag-absence: expected lines in ${logsOf(spec)} of each host since the restart, and none that names ` +
      `${spec.flagVariable}, got:\n  - ${faults.join("\n  - ")}\nRemove what logs it from the release, or correct deployment.logs, and run again.`,
  );
}

/** Makes the step with another wait: tests do not wait as long. */
export function createFlagAbsence({ waitSeconds = WAIT_SECONDS } = {}) {
  async function apply(spec: FlagAbsenceSpec, deps: StepDeps): Promise<FlagAbsenceResult> {
    const { flagVariable } = spec;
    let { seen, faults } = await search(spec, deps);
    for (let waited = 0; seen.some(isSilent) && waited < waitSeconds; waited += 1) {
      await sleep(1_000, undefined, { signal: deps.signal });
      ({ seen, faults } = await search(spec, deps));
    }
    refuse([...faults, ...seen.flatMap((one) => whyUnproven(one, flagVariable))], spec);
    for (const { host, since, counts } of seen)
      deps.log(`flag-absence: ${host} since ${since}: ${counts.lines} lines, none names ${flagVariable}`);
    const hosts = seen.map(({ host, since, counts: { lines, mentions } }) => ({
      ...{ host, since, lines, mentions },
    }));
    return { hosts };
  }
  return defineStep({
    name: "flag-absence",
    spec: FlagAbsenceSpec,
    lease: false,
    deadlineSeconds: HOUR,
    observe,
    apply,
    async undo(): Promise<UndoResult> {
      return { summary: "nothing to undo: it only searched", kept: [] };
    },
  });
}

/**
 * Proves by the logs that what runs does not know the flag any more: each host has written since the restart, and no
 * line names it. That no file sets it and no code names it is shown by the steps before: the flag's own, and the review.
 * @see runbook 4.4 and its metric "feature flag usage"
 */
export const flagAbsence = createFlagAbsence();
