import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { DeploymentSection } from "../config/deployment.ts";
import { Host } from "../config/target.ts";
import { StepError } from "../errors/step-error.ts";
import { HostError } from "../hosts/host-shell.ts";
import { countLogged, type LogCounts, sayUnread } from "../hosts/log-counts.ts";
import { peekLogs } from "../hosts/log-peek.ts";
import { entryKey, isDoneWith } from "../ledger/entries.ts";
import { Basis } from "./restart/basis.ts";
import { laterOwnerOfAll } from "./restart/host-work.ts";
import { restartedSince } from "./restart/restarted-since.ts";
import { BaseSpec, defineStep, HOUR, type Observation, type StepDeps } from "./step.ts";

export const PropagationSpec = BaseSpec.extend({
  hosts: z.array(Host.pick({ name: true, appDir: true, connection: true, path: true })).min(1),
  /** Paths of logs on each host, `{appDir}` in them. */
  logs: DeploymentSection.shape.logs,
  logTimeZone: DeploymentSection.shape.logTimeZone,
  /** The change's column: the name before the `=`. */
  column: z.string(),
  /** Types that have to be seen with the flag on: those that the smoke test tried. */
  allowed: z.array(z.string()),
  basis: Basis,
});
export type PropagationSpec = z.infer<typeof PropagationSpec>;

/** What of the configured hosts matters here, so that a changed service is no change of the step. */
export const loggingHosts = (hosts: readonly Host[]): PropagationSpec["hosts"] =>
  hosts.map(({ name, appDir, connection, path }) => ({
    ...{ name, appDir },
    ...(connection ? { connection } : {}),
    ...(path ? { path } : {}),
  }));

/** What one host has logged since its processes were restarted. */
export interface HostCounts extends LogCounts {
  host: string;
  /** By the clock of the host; UTC, ISO 8601. */
  since: string;
}

export interface PropagationResult {
  hosts: HostCounts[];
  /** Over all hosts. */
  total: Record<string, number>;
  /** The step that owns by now what ran here: then nothing was counted. */
  supersededBy?: string;
}

/** Logs are written with a delay: this long they get, in seconds and looks. */
const WAIT_SECONDS = 30;

async function observe(spec: PropagationSpec, deps: StepDeps): Promise<Observation> {
  const owner = laterOwnerOfAll(spec, deps);
  if (owner)
    return { drift: [], plan: [`counts nothing: ${owner} owns what ran here`], undo: [], blockers: [] };
  const { logs, column, allowed, basis, hosts } = spec;
  const wait = basis.flag
    ? `, until ${allowed.join(", ")} are there`
    : "; with the flag off none has to be there";
  const names = hosts.map(({ name }) => name).join(", ");
  const plan = [
    `counts ${column}= in ${logs.join(", ") || "no log"} of ${names} since the restart${wait} (read-only)`,
  ];
  const done = isDoneWith(deps.evidence.entries().get(entryKey(spec.identity)), spec);
  if (done || !basis.flag) return { drift: [], plan, undo: [], blockers: [] };
  if (logs.length === 0)
    return {
      ...{ drift: [], plan, undo: [] },
      blockers: [
        "propagation: expected logs to count in, got none. Name the application's logs in deployment.logs.",
      ],
    };
  const { notes, blockers } = await lookAhead(spec, deps);
  return { drift: [], plan: [...plan, ...notes], undo: [], blockers };
}

/** What can be told of the logs before anything is counted: a log whose lines nobody can place would never do. */
async function lookAhead({ hosts, logs, logTimeZone: timeZone }: PropagationSpec, deps: StepDeps) {
  const [notes, blockers]: [string[], string[]] = [[], []];
  for (const host of hosts) {
    try {
      const { faults, undated } = await peekLogs(host, { logs, timeZone }, deps);
      notes.push(...faults.map((fault) => `by now, on ${host.name}: ${fault}`));
      blockers.push(
        ...undated.map(
          (place) =>
            `propagation: expected lines with a time in ${place.replace(/:\d+$/, "")} on ${host.name}, got none whose time is understood (${place}). ` +
            "Have the application log the time, or name its journal in deployment.logs: docs/code-deployment-checks.md.",
        ),
      );
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      notes.push(`the logs of ${host.name} could not be looked at: ${error.reason}`);
    }
  }
  return { notes, blockers };
}

type Counted = HostCounts | { host: string; fault: string };

async function countOn(
  spec: PropagationSpec,
  since: Map<string, string>,
  deps: StepDeps,
): Promise<Counted[]> {
  const { hosts, logs, logTimeZone: timeZone, column, allowed } = spec;
  return Promise.all(
    hosts.map(async (host): Promise<Counted> => {
      const from = since.get(host.name);
      if (from === undefined) return { host: host.name, fault: "no restart of it is in the evidence" };
      try {
        const question = { logs, timeZone, since: from, column, values: allowed };
        return { host: host.name, since: from, ...(await countLogged(host, question, deps)) };
      } catch (error) {
        if (!(error instanceof HostError)) throw error;
        return { host: host.name, fault: error.reason };
      }
    }),
  );
}

const isCounted = (counted: Counted): counted is HostCounts => !("fault" in counted);

function sumUp(hosts: readonly HostCounts[], allowed: readonly string[]): Record<string, number> {
  const sum = (type: string) => hosts.reduce((total, { byValue }) => total + (byValue[type] ?? 0), 0);
  return Object.fromEntries(allowed.map((type) => [type, sum(type)]));
}

/** What keeps the count from being whole, one line each. */
function faultsOf(counted: readonly Counted[]): string[] {
  return counted.flatMap((one) =>
    isCounted(one) ? one.faults.map((fault) => `${one.host}: ${fault}`) : [`${one.host}: ${one.fault}`],
  );
}

function say(hosts: readonly HostCounts[], column: string, log: StepDeps["log"]): void {
  for (const { host, since, byValue, other, ...rest } of hosts) {
    const counts = Object.entries(byValue).map(([type, count]) => `${count} ${type}`);
    log(
      `propagation: ${host} since ${since}: ${counts.join(", ")}${other > 0 ? `, ${other} of another value` : ""}`,
    );
    for (const line of sayUnread(rest, column)) log(`propagation: ${host}: ${line}`);
  }
}

/** Makes the step with another wait: tests do not wait as long. */
export function createPropagation({ waitSeconds = WAIT_SECONDS } = {}) {
  async function apply(spec: PropagationSpec, deps: StepDeps): Promise<PropagationResult> {
    const { allowed, basis, column } = spec;
    // The restart that it follows has restarted nothing either.
    const supersededBy = laterOwnerOfAll(spec, deps);
    if (supersededBy) return { hosts: [], total: {}, supersededBy };
    const since = restartedSince(spec.identity, deps.evidence.entries());
    for (let waited = 0; ; waited += 1) {
      const counted = await countOn(spec, since, deps);
      const hosts = counted.filter(isCounted);
      const total = sumUp(hosts, allowed);
      const missing = allowed.filter((type) => total[type] === 0);
      const faults = faultsOf(counted);
      const complete = !basis.flag || (missing.length === 0 && faults.length === 0);
      if (complete) {
        say(hosts, column, deps.log);
        for (const fault of faults) deps.log(`propagation: not counted: ${fault}`);
        return { hosts, total };
      }
      if (waited >= waitSeconds) {
        say(hosts, column, deps.log);
        const unread = hosts.flatMap((one) => sayUnread(one, column).map((line) => `${one.host}: ${line}`));
        throw refusal([...faults, ...unread], missing, column);
      }
      await sleep(1_000, undefined, { signal: deps.signal });
    }
  }
  return defineStep({
    name: "propagation",
    spec: PropagationSpec,
    lease: false,
    deadlineSeconds: HOUR,
    observe,
    apply,
    async undo() {
      return { summary: "nothing to undo: it only counted", kept: [] };
    },
  });
}

function refusal(faults: readonly string[], missing: readonly string[], column: string): StepError {
  const got = [...faults, ...missing.map((type) => `no line with ${column}=${type} on any host`)];
  return new StepError(
    `propagation: expected each type that was tried in the logs since the restart, got:\n  - ${got.join("\n  - ")}\n` +
      "See that the application logs the type in a form that is read (docs/code-deployment-checks.md) and that deployment.logs names its logs, then run again.",
  );
}

/**
 * Counts the types that the application logs since its processes were restarted: what was tried through the API has
 * to have come through its pipeline.
 * @see runbook 2.6; docs/code-deployment-checks.md
 */
export const propagation = createPropagation();
