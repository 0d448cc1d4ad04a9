import type { MaintenanceSection } from "../../config/maintenance.ts";
import { tellError } from "../../errors/report-error.ts";
import { StepError } from "../../errors/step-error.ts";
import { LeaseLost } from "../../postgres/lease.ts";
import { subjectOf } from "../../postgres/migration/change-sql.ts";
import { type CopyWork, copyColumn } from "../../postgres/migration/column-copy.ts";
import { showRows } from "../../postgres/migration/estimate.ts";
import { settleCopy } from "../../postgres/migration/settle-copy.ts";
import { takeCopyBack } from "../../postgres/migration/take-copy-back.ts";
import type { StepDeps } from "../step.ts";
import { runUpgrade } from "./maintenance-command.ts";

export interface OwnUpgrade {
  work: CopyWork;
  section: MaintenanceSection;
  batchSize: number;
  revision: string | undefined;
  deps: Pick<StepDeps, "signal" | "databaseUrl" | "log">;
}

/** What is taken back has to be taken back although the run was cancelled. */
const uncancelled = (work: CopyWork): CopyWork => ({ ...work, signal: new AbortController().signal });

/**
 * Takes back whatever the command did. @returns what it could not take back, and what the server refused, which is on
 * record as left; one line each.
 */
export async function takeUpgradeBack(work: CopyWork): Promise<{ foreign: string[]; left: string[] }> {
  const { restored, foreign, left } = await takeCopyBack(work);
  work.log(`maintenance: took the upgrade back: ${showRows(restored)} of ${subjectOf(work.change)}`);
  return { foreign, left };
}

/** Runs the command and compares. @returns what is wrong, nothing when it is settled. */
async function tryUpgrade({ work, section, batchSize, revision, deps }: OwnUpgrade): Promise<string[]> {
  deps.log(`maintenance: running ${section.upgrade?.command.join(" ").slice(0, 200)}`);
  const fault = await runUpgrade(section, deps);
  if (fault) return [fault];
  deps.log("maintenance: comparing every row with what was to come");
  return settleCopy(work, { batchSize, revision });
}

/**
 * The application's own migration, in place of our transaction. The originals are copied and the table is closed
 * before it runs, so it is taken back exactly unless every row and the schema are what the online way would have left.
 */
export async function runOwnUpgrade(upgrade: OwnUpgrade): Promise<void> {
  const { work, section } = upgrade;
  await copyColumn(work);
  const faults = await tryUpgrade(upgrade).catch((error: unknown) => {
    if (error instanceof LeaseLost) throw error;
    return [tellError(error)];
  });
  if (faults.length === 0) return;
  const back = await takeUpgradeBack(uncancelled(work));
  const left = [...back.foreign, ...back.left.map((line) => `LEFT ${line}`)];
  const rest =
    left.length === 0
      ? "It was taken back: column, constraint and revision are as before."
      : `${back.left.length === 0 ? "Column, constraint and revision are as before. " : ""}What could not be taken back:\n  - ${left.join("\n  - ")}`;
  throw new StepError(
    `migration: expected \`${section.upgrade?.command.join(" ")}\` to make the change and nothing else, got:\n` +
      `  - ${faults.join("\n  - ")}\n${rest}\nCorrect the command, or leave migration.maintenance.upgrade out, and run again.`,
  );
}
