import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { MaintenanceSection } from "../../config/maintenance.ts";
import { readConnectionWords } from "../../postgres/connection-words.ts";
import { COMMAND_OPTIONS } from "../../postgres/migration/closed-table.ts";
import { childEnvironment, type ProgramOutcome, runProgram } from "../../processes/child-process.ts";
import { hideValues, inheritedVariables } from "../../processes/inherited-variables.ts";
import { isInstalled } from "../../processes/installed-program.ts";
import type { StepDeps } from "../step.ts";

const MAX_OUTPUT = 16 * 1024 * 1024;
/** End of the output that a failure shows. */
const SHOWN = 2_000;

/** Fills `{release}` in wherever it may stand. Pure. */
export function fillMaintenance(section: MaintenanceSection, release: string): MaintenanceSection {
  const fill = (text: string) => text.replaceAll("{release}", release);
  const { stop, start, upgrade, ...rest } = section;
  return {
    ...rest,
    ...{ stop: stop.map(fill), start: start.map(fill) },
    ...(upgrade
      ? { upgrade: { ...upgrade, command: upgrade.command.map(fill), cwd: fill(upgrade.cwd) } }
      : {}),
  };
}

/** PATH, home and what the configuration names of our own environment. */
const environmentOf = ({ inherit }: MaintenanceSection) => ({
  ...childEnvironment(),
  ...inheritedVariables(inherit),
});

function describeEnd({ failure, exitCode }: ProgramOutcome, timeoutSeconds: number): string | undefined {
  if (failure === "timed out") return `still ran after ${timeoutSeconds} s and was ended`;
  if (failure) return failure;
  return exitCode === 0 ? undefined : `exit code ${exitCode}`;
}

/** The end of what was printed, without what may be secret and what a terminal would obey. */
const shownEnd = (text: string, secrets: readonly string[]) =>
  hideValues(text, secrets)
    .trimEnd()
    .slice(-SHOWN)
    .replaceAll(/[^\P{C}\n]/gu, "");

interface Run {
  argv: readonly string[];
  environment: Record<string, string>;
  timeoutSeconds: number;
  cwd?: string;
  signal?: AbortSignal;
  secrets: readonly string[];
}

/** @returns why it failed, with the end of its output; undefined when it went through. */
async function run({ argv, timeoutSeconds, secrets, ...options }: Run): Promise<string | undefined> {
  const outcome = await runProgram(argv, {
    ...options,
    timeoutMs: timeoutSeconds * 1000,
    maxOutput: MAX_OUTPUT,
  });
  const fault = describeEnd(outcome, timeoutSeconds);
  if (!fault) return undefined;
  const output = shownEnd(`${outcome.stdout}${outcome.stderr}`, secrets);
  return `${fault}${output === "" ? ", it printed nothing" : `; the end of its output:\n${output}`}`;
}

const inheritedValues = ({ inherit }: MaintenanceSection) => Object.values(inheritedVariables(inherit));

/**
 * Runs `stop` or `start`. Starting is not given a signal: what was cancelled still has to bring the writers back.
 * @returns why it failed; undefined when it went through.
 */
export function runServiceCommand(
  section: MaintenanceSection,
  verb: "stop" | "start",
  signal?: AbortSignal,
): Promise<string | undefined> {
  return run({
    ...{ argv: section[verb], environment: environmentOf(section), timeoutSeconds: section.timeoutSeconds },
    ...{ secrets: inheritedValues(section), ...(signal ? { signal } : {}) },
  });
}

/** Runs the application's own migration. @returns why it failed; undefined when it went through. */
export async function runUpgrade(
  section: MaintenanceSection,
  deps: Pick<StepDeps, "signal" | "databaseUrl">,
): Promise<string | undefined> {
  const { upgrade } = section;
  if (!upgrade) return undefined;
  const url = upgrade.variable ? deps.databaseUrl() : "";
  const own = upgrade.variable ? { [upgrade.variable]: url } : {};
  const password = url === "" ? "" : readConnectionWords(url).password;
  return run({
    ...{ argv: upgrade.command, cwd: resolve(upgrade.cwd), timeoutSeconds: upgrade.timeoutSeconds },
    environment: { ...environmentOf(section), ...own, PGOPTIONS: COMMAND_OPTIONS },
    signal: deps.signal,
    secrets: [...inheritedValues(section), url, password, encodeURIComponent(password)],
  });
}

const isFolder = async (path: string) => (await stat(path).catch(() => undefined))?.isDirectory() ?? false;

const missingVariables = ({ inherit }: MaintenanceSection) =>
  inherit
    .filter((name) => process.env[name] === undefined)
    .map(
      (name) =>
        `expected the variable ${name} in the environment, got none. Set it, or remove it from migration.maintenance.inherit.`,
    );

/** What would be found out only once the writers are stopped, each complete with remedy. */
export async function commandBlockers(section: MaintenanceSection): Promise<string[]> {
  const environment = environmentOf(section);
  const blockers = missingVariables(section);
  const { upgrade } = section;
  const cwd = upgrade && resolve(upgrade.cwd);
  if (cwd && !(await isFolder(cwd))) {
    return [
      ...blockers,
      `expected the folder ${cwd} to run the upgrade in, got none. Correct migration.maintenance.upgrade.cwd.`,
    ];
  }
  const programs = [
    { key: "stop", program: section.stop[0] },
    { key: "start", program: section.start[0] },
    ...(upgrade ? [{ key: "upgrade.command", program: upgrade.command[0], cwd }] : []),
  ];
  for (const { key, program = "", cwd } of programs) {
    if (await isInstalled(program, { environment, cwd })) continue;
    blockers.push(
      `expected the program ${program} to be installed, got none. Install it, or correct migration.maintenance.${key}.`,
    );
  }
  return blockers;
}
