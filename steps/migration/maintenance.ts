import { setTimeout as sleep } from "node:timers/promises";
import type { MaintenanceSection } from "../../config/maintenance.ts";
import { tellError } from "../../errors/report-error.ts";
import { StepError } from "../../errors/step-error.ts";
import { LeaseLost } from "../../postgres/lease.ts";
import type { TableWork } from "../../postgres/migration/expand.ts";
import { closeMaintenance, openMaintenance } from "../../postgres/migration/maintenance-record.ts";
import {
  describeSessions,
  readWriterSessions,
  type WriterSession,
  waitForWritersToEnd,
} from "../../postgres/migration/writer-sessions.ts";
import { type AskedHost, readServices } from "../smoke/service-health.ts";
import { runServiceCommand } from "./maintenance-command.ts";
import { putUpFlag, takeDownFlag } from "./maintenance-flag.ts";

/** The time in which the writers are stopped. */
export interface Maintenance {
  work: TableWork;
  /** Its placeholders are filled in. */
  section: MaintenanceSection;
  /** Services that have to be healthy again before the flag is taken down. */
  hosts: readonly AskedHost[];
}

const show = (argv: readonly string[]) => argv.join(" ").slice(0, 200);

/** How long nobody looks at a service that is still coming up. */
const PAUSE_MS = 500;

function stillConnected(sessions: readonly WriterSession[], { section }: Maintenance): StepError {
  return new StepError(
    `migration: expected every writer to be stopped within ${section.timeoutSeconds} s by \`${show(section.stop)}\`, got ` +
      `${sessions.length === 1 ? "a session that is" : `${sessions.length} sessions that are`} still connected: ` +
      `${describeSessions(sessions)}. Have migration.maintenance.stop end it, or close it, then run again.`,
  );
}

/** @throws {StepError} naming the sessions of writers, when there are any. */
export async function assertWritersStopped(maintenance: Maintenance): Promise<void> {
  const { client, change } = maintenance.work;
  const sessions = await readWriterSessions(client, change);
  if (sessions.length > 0) throw stillConnected(sessions, maintenance);
}

async function stopWriters(maintenance: Maintenance): Promise<void> {
  const { work, section } = maintenance;
  const { client, change, signal, log } = work;
  const until = performance.now() + section.timeoutSeconds * 1000;
  log(`maintenance: stopping the writers: ${show(section.stop)}`);
  const fault = await runServiceCommand(section, "stop", signal);
  signal.throwIfAborted();
  if (fault) {
    throw new StepError(
      `migration: expected \`${show(section.stop)}\` to stop the writers, got ${fault}. Correct migration.maintenance.stop.`,
    );
  }
  const timeoutMs = Math.max(0, until - performance.now());
  const left = await waitForWritersToEnd(client, change, { timeoutMs, signal });
  if (left.length > 0) throw stillConnected(left, maintenance);
  log("maintenance: no session of a writer is left");
}

async function begin({ work, section }: Maintenance): Promise<void> {
  const { client, lease, stack, log } = work;
  await openMaintenance(client, lease, section);
  if (!section.flagFile) return;
  const ours = await putUpFlag(section.flagFile, stack);
  log(`maintenance: the flag ${section.flagFile} is up${ours ? "" : ", put up by someone else: it stays"}`);
}

async function end({ work, section }: Omit<Maintenance, "hosts">): Promise<void> {
  if (section.flagFile) await takeDownFlag(section.flagFile);
  // The writers run, which is what matters: a broken connection must not hide what has happened before.
  await closeMaintenance(work.client, work.lease).catch((error: unknown) =>
    work.log(`maintenance: its end is not recorded (${(error as Error).message}); the next run does that`),
  );
}

/**
 * Starts the writers and takes the flag down, whatever has happened and although this run was cancelled.
 * @returns why they are still stopped; undefined when they run.
 */
export async function bringWritersBack(maintenance: Omit<Maintenance, "hosts">): Promise<string | undefined> {
  const { work, section } = maintenance;
  work.log(`maintenance: starting the writers again: ${show(section.start)}`);
  const fault = await runServiceCommand(section, "start");
  if (!fault) {
    await end(maintenance);
    return undefined;
  }
  const flag = section.flagFile ? `, then remove ${section.flagFile}` : "";
  return `THE WRITERS ARE STILL STOPPED: expected \`${show(section.start)}\` to start them, got ${fault}. Start them by hand${flag}.`;
}

async function waitForHealth({ hosts, section, work }: Maintenance): Promise<void> {
  const until = performance.now() + section.timeoutSeconds * 1000;
  for (;;) {
    const { faults } = await readServices(hosts, work.signal);
    if (faults.length === 0) return;
    if (performance.now() >= until) {
      const flag = section.flagFile ? ` The flag ${section.flagFile} stays up until then.` : "";
      throw new StepError(
        `migration: the table is migrated and the writers are started, but not healthy.\n  - ${faults.join("\n  - ")}\n` +
          `Look at their logs and run again, or lower the phase.${flag}`,
      );
    }
    await sleep(PAUSE_MS, undefined, { signal: work.signal });
  }
}

/** Starts the writers on the migrated table, waits until they are healthy, takes the flag down. */
export async function startWriters(maintenance: Maintenance): Promise<void> {
  const { section, work } = maintenance;
  work.log(`maintenance: starting the writers: ${show(section.start)}`);
  const fault = await runServiceCommand(section, "start");
  if (fault) {
    throw new StepError(
      `migration: the table is migrated, but THE WRITERS ARE STILL STOPPED: expected \`${show(section.start)}\` to start them, ` +
        `got ${fault}. Correct migration.maintenance.start and run again, or start them by hand.`,
    );
  }
  await waitForHealth(maintenance);
  await end(maintenance);
  work.log("maintenance: the writers run again");
}

async function explainFailure(maintenance: Maintenance, error: unknown): Promise<unknown> {
  // Whoever took over stops and starts the writers now: this run must not start them under its hands.
  if (error instanceof LeaseLost) return error;
  const stopped = await bringWritersBack(maintenance);
  const message = tellError(error);
  return new StepError(`${message}\n${stopped ?? "The writers were started again."}`, { cause: error });
}

/**
 * Puts the flag up, stops the writers, proves that none is connected, and runs `change`; then starts them, waits for
 * their health and takes the flag down. When anything before the end of `change` fails they are started again.
 * @returns the seconds in which they were stopped.
 */
export async function withWritersStopped(
  maintenance: Maintenance,
  change: () => Promise<void>,
): Promise<number> {
  const started = performance.now();
  try {
    await begin(maintenance);
    await stopWriters(maintenance);
    await change();
  } catch (error) {
    throw await explainFailure(maintenance, error);
  }
  await startWriters(maintenance);
  return Math.round(performance.now() - started) / 1000;
}
