import { userInfo } from "node:os";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { findInstallDrift, foreignUnit, install, uninstall } from "../audit/installation.ts";
import { commandsOf, elsewhere, InstalledTimer, staysThere, timersOf } from "../audit/installed-timer.ts";
import { findWay, type Places, realPlaces, type Way } from "../audit/machine.ts";
import { tryAudit } from "../audit/try-audit.ts";
import { type AuditTask, cronLine, unitFiles } from "../audit/units.ts";
import { AuditSection } from "../config/audit.ts";
import { StepError } from "../errors/step-error.ts";
import { validatedAt } from "../ledger/audits.ts";
import { entryKey, isDoneWith } from "../ledger/entries.ts";
import { ReportPath } from "../ledger/report-file.ts";
import { resultOf } from "./recorded.ts";
import { BaseSpec, defineStep, MINUTE, type Observation, type StepDeps, type UndoResult } from "./step.ts";

export const ScheduledAuditSpec = BaseSpec.extend({
  schedule: AuditSection.pick({ afterDays: true, at: true, environmentFile: true }),
  /** machine: installed on this one. say: only said. files: unit files below `folder`, nothing of the machine is touched. */
  place: z.enum(["machine", "say", "files"]),
  /** Where unit files go that are not installed. */
  folder: ReportPath,
});
export type ScheduledAuditSpec = z.infer<typeof ScheduledAuditSpec>;

const ScheduledAuditResult = InstalledTimer.extend({
  /** UTC. */
  dueAt: z.string(),
  /** Those of earlier runs on other machines: they stay there, and run as well. Absent where there are none. */
  left: z.array(InstalledTimer).exactOptional(),
});
export type ScheduledAuditResult = z.infer<typeof ScheduledAuditResult>;

const DAY_MS = 86_400_000;

/** The first moment at that time of day after so many days. Pure. */
export function dueAfter(from: Date, { afterDays, at }: ScheduledAuditSpec["schedule"]): Date {
  const earliest = from.getTime() + afterDays * DAY_MS;
  const due = new Date(`${new Date(earliest).toISOString().slice(0, 10)}T${at}:00.000Z`);
  return due.getTime() >= earliest ? due : new Date(due.getTime() + DAY_MS);
}

/** Counted from the first time that phase 4 was finished: a repair does not put the audit off. */
function taskOf(
  { identity, schedule }: ScheduledAuditSpec,
  { evidence, now }: StepDeps,
  { node }: Places,
): AuditTask {
  const from = validatedAt(evidence.records())?.at;
  return {
    ...{ stack: identity.stack, folder: process.cwd(), node },
    ...{ path: process.env.PATH ?? dirname(node), home: userInfo().homedir },
    environmentFile: schedule.environmentFile,
    due: dueAfter(from === undefined ? now() : new Date(from), schedule),
  };
}

async function wayOf({ place, folder }: ScheduledAuditSpec, places: Places) {
  if (place === "files") return { kind: "files", folder: resolve(folder) } as const;
  if (place === "machine") return findWay(places);
  return { kind: "none", reason: "audit.install is false" } as const;
}

type AnyWay = Way | { kind: "files"; folder: string };

/** What somebody who installs it by hand needs, letter by letter. */
function instructions(task: AuditTask): string[] {
  const units = Object.entries(unitFiles(task)).flatMap(([name, text]) => [
    `${name}:`,
    ...text.trimEnd().split("\n"),
  ]);
  return [...units, "or, in a crontab:", cronLine(task)];
}

const when = ({ due }: AuditTask) => `${due.toISOString().slice(0, 16).replace("T", " ")} UTC`;

function describePlan(way: AnyWay, task: AuditTask, host: string): string[] {
  const what = `\`rollout audit --stack ${task.stack}\` on ${when(task)}`;
  switch (way.kind) {
    case "systemd":
      return [
        `install a ${way.scope} timer of systemd on ${host}, in ${way.folder}: ${what}`,
        ...(way.scope === "user"
          ? [`it runs while the user is logged in, or after: loginctl enable-linger`]
          : []),
      ];
    case "cron":
      return [`add to this user's crontab on ${host}: ${cronLine(task)}`];
    case "files":
      return [`write the unit files of a timer to ${way.folder}, installing nothing: ${what}`];
    default:
      return [`install nothing (${way.reason}); say what to install by hand: ${what}`, ...instructions(task)];
  }
}

const howOf = (way: AnyWay): ScheduledAuditResult["how"] =>
  way.kind === "systemd" ? `systemd-${way.scope}` : way.kind === "none" ? "said" : way.kind;

async function observe(spec: ScheduledAuditSpec, deps: StepDeps, places: Places): Promise<Observation> {
  const own = deps.evidence.entries().get(entryKey(spec.identity));
  const before = resultOf({ result: ScheduledAuditResult }, own);
  const result = own?.state === "done" ? before : undefined;
  const left = elsewhere(timersOf(before), places.host).map(staysThere);
  const here = result && result.how !== "said" && result.machine === places.host;
  const undo = [...(here ? [`take the audit off ${result.machine} again`] : []), ...left];
  const elsewhereDone = result !== undefined && result.machine !== places.host;
  // Another machine's timers can't be looked at from here.
  if (elsewhereDone && isDoneWith(own, spec)) return { drift: [], plan: [], undo, blockers: [] };
  const way = await wayOf(spec, places);
  const task = taskOf(spec, deps, places);
  const drift =
    result && !elsewhereDone && way.kind !== "none"
      ? await findInstallDrift(way, result.installed, task)
      : [];
  if (result && !elsewhereDone && drift.length === 0) return { drift, plan: [], undo, blockers: [] };
  const plan = [...describePlan(way, task, places.host), ...left];
  return { drift, plan, undo, blockers: [...refuseForeign(way, task), ...(await refuseUnable(way, task))] };
}

/** What the machine runs in thirty days is tried now: nobody looks at it when it fails then. */
async function refuseUnable(way: AnyWay, task: AuditTask): Promise<string[]> {
  if (way.kind !== "systemd" && way.kind !== "cron") return [];
  const fault = await tryAudit(way, task);
  if (fault === undefined) return [];
  const file = task.environmentFile ?? "no audit.environmentFile";
  return [
    `scheduled-audit: expected \`rollout audit --stack ${task.stack}\` to run in the environment that its timer will have (PATH, HOME and ${file}), got: ${fault}. ` +
      "Write what it lacks (PULUMI_BACKEND_URL or PULUMI_ACCESS_TOKEN, PULUMI_CONFIG_PASSPHRASE_FILE) as KEY=value lines into a file that only its user reads, and name it in audit.environmentFile; or set audit.install to false.",
  ];
}

/** Two checkouts that roll out the same stack on one machine would run each other's audit. */
function refuseForeign(way: AnyWay, task: AuditTask): string[] {
  const owner = way.kind === "none" ? undefined : foreignUnit(way, task);
  if (owner === undefined) return [];
  return [
    `scheduled-audit: expected no timer for the audit of ${task.stack} but this checkout's, got one of ${owner}. ` +
      "Remove it there, or set audit.install to false.",
  ];
}

/** Where this machine has it by an earlier run. */
function placeOf({ how, installed }: InstalledTimer, { systemUnits, userUnits }: Places) {
  switch (how) {
    case "systemd-system":
      return { kind: "systemd", scope: "system", folder: systemUnits } as const;
    case "systemd-user":
      return { kind: "systemd", scope: "user", folder: userUnits } as const;
    case "cron":
      return { kind: "cron" } as const;
    case "files":
      return { kind: "files", folder: dirname(installed[0]?.place ?? "") } as const;
    default:
      return undefined;
  }
}

/** Takes it from where it was before, if that is another place by now: the audit would run there as well. */
async function removeFormer(
  before: readonly InstalledTimer[],
  way: AnyWay,
  task: AuditTask,
  places: Places,
): Promise<string[]> {
  const removed: string[] = [];
  for (const timer of before) {
    if (timer.how === howOf(way) || timer.machine !== places.host) continue;
    const place = placeOf(timer, places);
    if (place) removed.push(...(await uninstall(place, task)));
  }
  return removed;
}

async function apply(
  spec: ScheduledAuditSpec,
  deps: StepDeps,
  places: Places,
): Promise<ScheduledAuditResult> {
  const way = await wayOf(spec, places);
  const task = taskOf(spec, deps, places);
  const [fault] = [...refuseForeign(way, task), ...(await refuseUnable(way, task))];
  if (fault !== undefined) throw new StepError(fault);
  const own = deps.evidence.entries().get(entryKey(spec.identity));
  const timers = timersOf(resultOf({ result: ScheduledAuditResult }, own));
  const former = await removeFormer(timers, way, task, places);
  for (const what of former) deps.log(`scheduled-audit: removed ${what}, where it was before`);
  for (const line of describePlan(way, task, places.host)) deps.log(`scheduled-audit: ${line}`);
  const installed = way.kind === "none" ? [] : await install(way, task);
  if (way.kind !== "none") {
    const [drift] = await findInstallDrift(way, installed, task);
    if (drift)
      throw new StepError(`scheduled-audit: expected ${drift.expected}, got ${drift.observed}. Run again.`);
  }
  const left = elsewhere(timers, places.host);
  for (const timer of left) deps.log(`scheduled-audit: ${staysThere(timer)}`);
  const dueAt = task.due.toISOString();
  return { how: howOf(way), machine: places.host, dueAt, installed, ...(left.length > 0 ? { left } : {}) };
}

/** By what is there, not by what was recorded alone: a run that broke off left no result. */
async function takeOff(
  spec: ScheduledAuditSpec,
  deps: StepDeps,
  places: Places,
  result: ScheduledAuditResult | undefined,
): Promise<UndoResult> {
  const way = await wayOf(spec, places);
  const task = taskOf(spec, deps, places);
  const removed = [
    ...(await removeFormer(timersOf(result), way, task, places)),
    ...(way.kind === "none" ? [] : await uninstall(way, task)),
  ];
  for (const what of removed) deps.log(`scheduled-audit: removed ${what}`);
  if (way.kind !== "none" || removed.length > 0)
    return { summary: `removed ${removed.length} parts of the audit's timer`, kept: [] };
  const reason = "if somebody installed it by hand, it is to be removed by hand";
  return {
    summary: "nothing to remove: it was only said what to install",
    kept: [{ subject: `the audit's timer on ${result?.machine ?? places.host}`, reason }],
  };
}

const keptOn = (machine: string, reason: string): UndoResult["kept"][number] => ({
  ...{ subject: `the audit's timer on ${machine}`, reason },
});

/** A timer that stays runs an audit that only reads: it must not keep anyone from going back. */
async function undo(
  spec: ScheduledAuditSpec,
  deps: StepDeps,
  places: Places,
  result: ScheduledAuditResult | undefined,
): Promise<UndoResult> {
  const away = elsewhere(timersOf(result), places.host);
  const kept = away.map((timer) =>
    keptOn(timer.machine, `can't be reached from ${places.host}. Take it off there: ${commandsOf(timer)}`),
  );
  if (result && result.machine !== places.host)
    return { summary: `left the timer on ${result.machine}`, kept };
  try {
    const done = await takeOff(spec, deps, places, result);
    return { ...done, kept: [...done.kept, ...kept] };
  } catch (error) {
    deps.signal.throwIfAborted();
    const byHand = result?.installed.length
      ? ` Remove it by hand there: ${commandsOf(result)}`
      : " Remove it by hand there";
    const reason = `${(error as Error).message}${byHand}`;
    return { summary: `left the timer on ${places.host}`, kept: [keptOn(places.host, reason), ...kept] };
  }
}

/** Builds the step around the machine that it runs on; the real one is below. */
export function createScheduledAudit(places: Places) {
  return defineStep({
    name: "scheduled-audit",
    spec: ScheduledAuditSpec,
    result: ScheduledAuditResult,
    lease: false,
    deadlineSeconds: 5 * MINUTE,
    observe: (spec, deps) => observe(spec, deps, places),
    apply: (spec, deps) => apply(spec, deps, places),
    undo: (spec, deps, result) => undo(spec, deps, places, result),
  });
}

/**
 * Has the machine run `rollout audit` once the days have passed: by a timer of systemd, a line in the crontab, or by hand.
 * @see runbook 4.7; docs/audit.md
 */
export const scheduledAudit = createScheduledAudit(realPlaces);
