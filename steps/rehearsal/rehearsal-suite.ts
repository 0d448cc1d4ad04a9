import type { Client } from "pg";
import type { SuiteProgram } from "../../config/test-suite.ts";
import { StepError } from "../../errors/step-error.ts";
import { cloneDatabase } from "../../postgres/backup/rehearsal-copy.ts";
import type { RestoreTarget } from "../../postgres/backup/restore-target.ts";
import { quoteName } from "../../postgres/migration/change-sql.ts";
import type { StepDeps } from "../step.ts";
import { atTheirNames, loadKnownFailures } from "../suite/known-failures.ts";
import { judgeSuite } from "../suite/suite-judgement.ts";
import { countStatuses } from "../suite/suite-results.ts";
import { runSuite } from "../suite/suite-run.ts";

/** The application's tests on one state of the copy. */
export interface RehearsedSuite {
  /** Step after which it ran. */
  after: string;
  ran: number;
  passed: number;
  /** All of them known. */
  failed: number;
  seconds: number;
}

export interface SuiteStage {
  suite: SuiteProgram;
  release?: string | undefined;
  target: RestoreTarget;
  /** Superuser's connection to another database of the throwaway server. */
  admin: Client;
  /** Folder for the suite's report, which is gone with the server. */
  folder: string;
  deps: StepDeps;
}

/**
 * Runs the application's tests against a clone of the copy as it is now, so that what they write is in nobody's way.
 * @param after the step that the copy has come to, which the clone is named after.
 * @throws {StepError} when a test fails that is not listed as known, or the run is none.
 */
export async function rehearseSuite(stage: SuiteStage, after: string): Promise<RehearsedSuite | undefined> {
  const { suite, release, target, admin, folder, deps } = stage;
  const { onCopy } = suite;
  if (!onCopy) return undefined;
  deps.log(`rehearsal: the application's tests after ${after}`);
  const name = `after_${after}`;
  const url = await cloneDatabase(admin, name, target);
  const environment = { ...suite.environment, [onCopy.variable]: url };
  const run = await runSuite(onCopy.command, { ...suite, environment }, { release, folder }, deps);
  await admin.query(`DROP DATABASE ${quoteName(name)} WITH (FORCE)`);
  const tests = new Set(run.tests.map(({ id }) => id));
  // Of the known failures those count that are among these tests.
  const { entries } = await loadKnownFailures(suite.knownFailures, deps.now());
  const known = atTheirNames(entries, run.tests).filter(({ test }) => tests.has(test));
  const demand = { expected: onCopy.expected, known, now: deps.now(), reasons: run.reasons };
  const faults = run.fault ? [run.fault] : judgeSuite(run.tests, demand).faults;
  if (faults.length > 0) {
    const hide = (text: string) => text.replaceAll(new URL(url).password, "***");
    const artifact = await deps.saveArtifact("rehearsal-suite-output.txt", hide(run.output));
    throw new StepError(
      `rehearsal: the application's tests after ${after}, on the restored copy: ${hide(faults.join("\n"))}.\n` +
        `Output: ${artifact} (in the evidence folder). The database itself was not touched.`,
    );
  }
  const { ran, passed, failed } = countStatuses(run.tests);
  return { after, ran, passed, failed, seconds: Math.round(run.seconds * 10) / 10 };
}
