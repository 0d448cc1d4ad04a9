import { z } from "zod";
import type { UnitRun } from "./host-run.ts";

/** What of a unit is remembered with a proof, to be told from what runs later. */
export const UnitProof = z.object({
  unit: z.string(),
  /** How often systemd had started it again by itself; null where it does not say. */
  restarts: z.number().nullable(),
  /** Of this start of it; null where systemd does not say. */
  invocation: z.string().nullable(),
});
export type UnitProof = z.infer<typeof UnitProof>;

/** What is wrong with a unit. */
export interface UnitFault {
  text: string;
  /** It does not get well by waiting. */
  certain: boolean;
}

/** A unit that systemd has started again this often is in a loop, however long each try lasts. */
const LOOP_RESTARTS = 3;
/** With fewer it is one as long as the last start is no older than this. */
const LOOP_SECONDS = 60;

export const proofOf = ({ unit, restarts, invocation }: UnitRun): UnitProof => ({
  ...{ unit, restarts: restarts ?? null, invocation: invocation ?? null },
});

const times = (number: number) => `${number} restart${number === 1 ? "" : "s"}`;
const shown = ({ active, sub }: UnitRun) => (sub && sub !== active ? `${active} (${sub})` : active);
const because = ({ result }: UnitRun) => (result && result !== "success" ? `, by ${result}` : "");

/** Why nothing runs of a unit; undefined when something does. Pure. */
export function notRunning(run: UnitRun): UnitFault | undefined {
  const { load, active, sub, type, restarts = 0, processes } = run;
  const fault = (text: string, certain: boolean): UnitFault => ({ text, certain });
  const has = `systemd has it as ${shown(run)}${because(run)}`;
  if (load !== "loaded") return fault(`systemd has it as ${load}`, true);
  const again = sub?.startsWith("auto-restart") === true;
  if (again || (active === "failed" && restarts > 0))
    return fault(`unit crash-loops: ${has}, after ${times(restarts)} by itself`, true);
  if (active === "failed") return fault(has, true);
  if (active === "inactive" && type === "oneshot") return fault(`${has}: Type=oneshot ran and ended`, true);
  if (active !== "active" && active !== "reloading") return fault(has, false);
  if (processes.length === 0) return fault(`${has}, and none of its processes runs`, sub === "exited");
  return undefined;
}

/** How often systemd started it again since `from`; a count that began anew counts from 0. */
function restartsSince(run: UnitRun, from: Pick<UnitProof, "restarts">): number {
  const { restarts = 0 } = run;
  const before = from.restarts ?? restarts;
  return restarts < before ? restarts : restarts - before;
}

const oldest = ({ processes }: UnitRun) =>
  Math.max(0, ...processes.map(({ ageSeconds = Number.POSITIVE_INFINITY }) => ageSeconds));

/**
 * Why a unit that was just restarted is no proof yet. Active once is none: a process that dies after its start is active
 * each time that systemd starts it again. Pure.
 * @param base the unit as it was when the time began: a restart begins to count at 0.
 * @param least so many of its processes have to have run for `stableSeconds`.
 */
export function notStable(
  run: UnitRun,
  { base, least, stableSeconds }: { base: Pick<UnitProof, "restarts">; least: number; stableSeconds: number },
): UnitFault | undefined {
  const again = restartsSince(run, base);
  if (again > 0)
    return {
      text: `unit crash-loops: systemd had to start it again (${times(again)} since ours)`,
      certain: true,
    };
  const ages = run.processes.map(({ ageSeconds = Number.POSITIVE_INFINITY }) => ageSeconds);
  const stable = ages.filter((age) => age >= stableSeconds).length;
  if (stable >= least) return undefined;
  return { text: `${stable} of ${least} processes have run for ${stableSeconds} s`, certain: false };
}

/** Why a unit is not as it was proven; undefined when nothing speaks against it. Pure. */
export function crashLoop(run: UnitRun, proven: UnitProof): string | undefined {
  const again = restartsSince(run, proven);
  if (again >= LOOP_RESTARTS || (again > 0 && oldest(run) < LOOP_SECONDS))
    return `unit crash-loops: ${times(again)} since it was proven`;
  return undefined;
}

/** Whether systemd has started it anew since it was proven; false where systemd does not say. Pure. */
export const isAnotherStart = ({ invocation }: UnitRun, proven: UnitProof | undefined): boolean =>
  proven !== undefined &&
  proven.invocation !== null &&
  invocation !== undefined &&
  invocation !== proven.invocation;
