import { stat } from "node:fs/promises";
import type { SuiteProgram } from "../../config/test-suite.ts";
import { entryKey } from "../../ledger/entries.ts";
import { isInstalled } from "../../processes/installed-program.ts";
import type { StepDeps } from "../step.ts";
import type { TestSuiteSpec } from "../test-suite.ts";
import { loadKnownFailures } from "./known-failures.ts";
import { suiteEnvironment, suiteFolder } from "./suite-run.ts";

/** Said in preview, and again by a run that was not previewed. */
export const NO_SUITE =
  "test-suite: expected a test suite in the stack config, got none. " +
  "Name its command: pulumi config set --path 'testSuite.command[0]' pytest, and so on (docs/test-suite.md).";

/** Whether the release that the suite runs in is still to be installed by an earlier step of the same run. */
function awaitsRelease({ identity, release, follows }: TestSuiteSpec, { evidence }: StepDeps): boolean {
  if (follows === undefined) return false;
  const before = evidence.entries().get(entryKey({ phase: identity.phase, step: follows }));
  return before?.state !== "done" || before.doneSpec?.sha !== release;
}

async function findMissing(suite: SuiteProgram, cwd: string): Promise<string[]> {
  const folder = await stat(cwd).catch(() => undefined);
  if (!folder?.isDirectory())
    return [
      `test-suite: expected the folder ${cwd} to run in, got none. Correct testSuite.cwd, or install that release there again: \`rollout finish\` removes old ones.`,
    ];
  const environment = suiteEnvironment(suite);
  const [program = ""] = suite.command;
  if (await isInstalled(program, { environment, cwd })) return [];
  return [
    `test-suite: expected the program ${program} to be installed, got none. Install it, or correct testSuite.command.`,
  ];
}

/** What keeps the suite from being run. */
export async function suiteBlockers(spec: TestSuiteSpec, deps: StepDeps): Promise<string[]> {
  const { suite, release } = spec;
  if (!suite) return [NO_SUITE];
  const blockers = awaitsRelease(spec, deps) ? [] : await findMissing(suite, suiteFolder(suite, { release }));
  for (const name of suite.inherit.filter((variable) => process.env[variable] === undefined)) {
    blockers.push(
      `test-suite: expected the variable ${name} in the environment, got none. Set it, or remove it from testSuite.inherit.`,
    );
  }
  await loadKnownFailures(suite.knownFailures, deps.now()).catch((error: Error) =>
    blockers.push(error.message),
  );
  return blockers;
}
