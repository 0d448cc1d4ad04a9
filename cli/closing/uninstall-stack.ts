import { StepError } from "../../errors/step-error.ts";
import { Chain } from "../../ledger/chain.ts";
import { foldEntries } from "../../ledger/entries.ts";
import { takeLock } from "../../ledger/lock.ts";
import { ownReleases } from "../../ledger/own-releases.ts";
import { evidenceFolder } from "../../ledger/store.ts";
import { auditTimers } from "./audit-timers.ts";
import { attempt, type Closing, type Outcome, requireAll } from "./closing.ts";
import { clearDatabase, databaseNotes, databasePlan } from "./database-traces.ts";
import { clearHosts, folderPlan, type HostPlan, releasePlan } from "./host-traces.ts";
import { keptFiles, removeEmptyFolders, removeKeptFiles } from "./kept-files.ts";
import { lookAround, type Surroundings } from "./look-around.ts";
import { missedEvidence, unknownReleases } from "./lost-evidence.ts";

/** What the person said on the command line. */
export interface UninstallWish {
  withEvidence: boolean;
  force: boolean;
  reason: string;
}

function refuse(reasons: readonly string[]): void {
  if (reasons.length > 0)
    throw new StepError(`uninstall: nothing was changed.\n  - ${reasons.join("\n  - ")}`);
}

const FORCE = 'or say why not: --force --reason "…"';

/** Whatever is deployed needs its traces for the way back. Pure. */
function uninstallRefusals(
  chain: Pick<Chain, "records">,
  { force, reason }: UninstallWish,
  stack: string,
): string[] {
  if (force) return reason === "" ? ['expected a reason to force it, got none. Say it: --reason "…"'] : [];
  const deployed = [...foldEntries(chain.records).values()].filter(
    ({ state, finished }) => state !== "undone" && !finished,
  );
  if (deployed.length === 0) return [];
  const phases = [...new Set(deployed.map(({ phase }) => phase))].join(", ");
  return [
    `expected nothing to be deployed, or the rollout to be finished, got ${deployed.length} steps of ${phases}. ` +
      `Go back first: npx rollout destroy --stack ${stack}; or stay: npx rollout finish --stack ${stack}; ${FORCE}`,
  ];
}

/** Told first, so that from here on no undo begins what it could not end. @returns the token of this work on hosts. */
function record(chain: Chain, goes: readonly string[], { force, reason }: UninstallWish): number {
  const note = [...(force ? [`by force: ${reason}`] : []), ...goes].join("; ");
  const left = [...foldEntries(chain.records).values()].some(
    ({ state, finished }) => state !== "undone" && !finished,
  );
  if (force && left)
    chain.append({ record: "event", event: "finished", reason: `uninstalled by force: ${reason}`, note });
  return chain.append({ record: "event", event: "uninstalled", note }).number;
}

function planOf({ database, hosts, faults }: Surroundings): { goes: string[]; notes: string[] } {
  const goes = [...(database ? databasePlan(database) : []), ...releasePlan(hosts), ...folderPlan(hosts)];
  const left = faults.map((fault) => `${fault}: what is there stays`);
  return { goes, notes: [...(database ? databaseNotes(database) : []), ...left] };
}

const byHand = (stack: string) => [
  "what is left is Pulumi's own state of the stack, which this command does not touch. Remove it by hand:",
  `  npx rollout pulumi stack rm ${stack} --preserve-config`,
];

async function clear(
  closing: Closing,
  { database, hosts }: Surroundings,
  { token, folder }: { token: number; folder: string },
): Promise<Outcome[]> {
  const withFolder = (plan: HostPlan) => plan.traces.folderKib !== undefined || plan.releases.length > 0;
  return [
    ...(database ? [await attempt("database", () => clearDatabase(closing, "uninstall", folder))] : []),
    ...(await clearHosts(closing, hosts.filter(withFolder), { token, folder: true })),
  ];
}

/** Where everything that is kept lies; with the evidence, that it goes as well. */
async function filesLines({ config }: Closing, { withEvidence }: UninstallWish): Promise<string[]> {
  const kept = await keptFiles(config);
  const what = withEvidence ? "gone for good" : "stays (--with-evidence removes it)";
  return kept.map((where) => `${what}: ${where}`);
}

async function uninstallUnderLock(closing: Closing, folder: string, wish: UninstallWish): Promise<string[]> {
  const { config } = closing;
  const { stack } = config;
  const chain = Chain.open(folder);
  refuse(uninstallRefusals(chain, wish, stack));
  const own = ownReleases(chain.records);
  const seen = await lookAround(closing, ({ name }) => own.get(name) ?? new Set());
  const missed = await missedEvidence(closing, chain, seen.hosts);
  if (!wish.force)
    refuse([
      ...seen.faults.map((fault) => `${fault} Mend it, ${FORCE}`),
      ...missed.map((fault) => `${fault} If it is lost, so is the way back: ${FORCE}`),
    ]);
  const { goes, notes } = planOf(seen);
  const unknown = missed.length > 0 ? unknownReleases(seen.hosts) : [];
  const files = [...unknown, ...auditTimers(chain), ...(await filesLines(closing, wish))];
  if (goes.length === 0 && !(wish.withEvidence && files.length > 0))
    return [`nothing of ${stack} is left on its target`, ...notes, ...files, ...byHand(stack)];
  closing.print([...goes, ...notes, ...files]);
  await closing.confirm();
  const token = goes.length > 0 ? record(chain, goes, wish) : 0;
  const outcomes = goes.length > 0 ? await clear(closing, seen, { token, folder }) : [];
  const done = requireAll(outcomes, { verb: "uninstall", stack });
  if (wish.withEvidence) await removeKeptFiles(config);
  return [...done, ...files, ...byHand(stack)];
}

/**
 * Removes every trace of this program from a stack's target, and with `withEvidence` what it keeps beside. Can be run
 * again after any crash.
 * @returns what was done and what is left to do by hand, one line each.
 * @throws {StepError} before anything is changed while something is deployed or cannot be reached; later naming what is
 * left.
 */
export async function uninstallStack(closing: Closing, wish: UninstallWish): Promise<string[]> {
  const folder = evidenceFolder(closing.config.evidence.url);
  const release = takeLock(folder, "uninstall");
  try {
    return await uninstallUnderLock(closing, folder, wish);
  } finally {
    release();
    if (wish.withEvidence) await removeEmptyFolders(closing.config);
  }
}
