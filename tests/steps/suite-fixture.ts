import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SuiteProgram } from "../../config/test-suite.ts";
import type { TestSuiteSpec } from "../../steps/test-suite.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { baseSpec } from "./preflight-deps.ts";

/** A test of a made-up suite: its name and what becomes of it. */
export type Case = [name: string, outcome?: "failure" | "error" | "skipped"];

/** JUnit XML as pytest writes it. */
export function junitXml(cases: Case[]): string {
  const lines = cases.map(([name, outcome]) =>
    outcome
      ? `<testcase classname="tests.test_deals" name="${name}" time="0.01"><${outcome} message="says why"/></testcase>`
      : `<testcase classname="tests.test_deals" name="${name}" time="0.01"/>`,
  );
  return `<?xml version="1.0"?><testsuites><testsuite name="pytest">${lines.join("\n")}</testsuite></testsuites>`;
}

/** As many passing tests. */
export const passing = (count: number): Case[] => Array.from({ length: count }, (_, n) => [`test_${n + 1}`]);

/** A shell script in a folder of its own, as the suite's command; `$1` is the report's path. */
export function script(body: string): { folder: string; command: string[] } {
  const folder = temporaryFolder();
  const file = join(folder, "suite.sh");
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
  return { folder, command: [file, "{report}"] };
}

/** A suite that writes this report and ends with that exit code. */
export function reporting(xml: string, exitCode = 0) {
  const made = script(`cat "$(dirname "$0")/given.xml" > "$1"; exit ${exitCode}`);
  writeFileSync(join(made.folder, "given.xml"), xml);
  return made;
}

/** The spec of a suite with this command; everything else by default or as given. */
export function suiteSpec(
  { folder, command }: { folder: string; command: string[] },
  settings: Partial<Parameters<typeof SuiteProgram.parse>[0] & object> = {},
): TestSuiteSpec {
  const suite = SuiteProgram.parse({ command, cwd: folder, ...settings });
  return { ...baseSpec("test-suite"), suite };
}

/** Writes a list of known failures and returns its path. */
export function knownFailures(text: string): string {
  const file = join(temporaryFolder(), "known-failures.yaml");
  writeFileSync(file, text);
  return file;
}
