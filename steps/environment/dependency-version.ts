import semver from "semver";
import type { Dependency } from "../../config/dependency.ts";
import { childEnvironment, type ProgramOutcome, runProgram } from "../../processes/child-process.ts";
import { lineEnd, lineStart } from "../../system/plain-line.ts";
import type { CheckItem } from "./check-item.ts";

/** Lowest Node that runs this program, as in package.json. */
const MINIMUM_NODE = "20.19";

/** Longest time one dependency may take to tell its version. */
const TIMEOUT_MS = 20_000;
const MAX_OUTPUT = 65_536;

/** What `pattern` is where the config has none. */
const FIRST_VERSION = "(\\d+(?:\\.\\d+)+[\\w.+-]*)";

/** The first line of a program's output, not longer than a version and its program's name. */
const clip = (text: string): string => lineStart(text.trim().split("\n")[0] ?? "", 120);

function explain({ failure, exitCode, stderr }: ProgramOutcome, command: readonly string[]): string {
  const program = command[0];
  if (failure === "not found") return `no program ${program} on PATH`;
  if (failure) return `${program}: ${failure}`;
  return `exit code ${exitCode} of ${command.join(" ")}${stderr.trim() ? `: ${lineEnd(stderr, 120)}` : ""}`;
}

/** Compares as semver does; versions of two or four parts are read by their first three. */
function isOlder(version: string, minimum: string): boolean | undefined {
  const [found, wanted] = [version, minimum].map((text) => semver.coerce(text, { includePrerelease: true }));
  return found && wanted ? semver.lt(found, wanted) : undefined;
}

/** Judges what a dependency's command printed. Pure. */
export function judgeVersion(dependency: Dependency, outcome: ProgramOutcome): CheckItem {
  const { name, command, pattern = FIRST_VERSION, minimum } = dependency;
  const expected = minimum ? `version ${minimum} or newer` : "it to be installed";
  const remedy = `Install ${name}${minimum ? ` ${minimum} or newer` : ""}, or correct its command in the stack config.`;
  const failed = (found: string): CheckItem => ({ name, status: "failed", found, expected, remedy });
  if (outcome.failure || outcome.exitCode !== 0) return failed(explain(outcome, command));
  const output = `${outcome.stdout}\n${outcome.stderr}`;
  const version = new RegExp(pattern).exec(output)?.[1];
  if (version === undefined) {
    if (!minimum && !dependency.pattern) return { name, status: "ok", found: clip(output) || "present" };
    return failed(`no version in ${JSON.stringify(clip(output))}`);
  }
  if (minimum) {
    const older = isOlder(version, minimum);
    if (older === undefined) return failed(`${JSON.stringify(clip(version))}, which is no version`);
    if (older) return failed(clip(version));
  }
  return { name, status: "ok", found: clip(version), ...(minimum ? { expected: `≥ ${minimum}` } : {}) };
}

/** Asks a dependency for its version. Never throws: what is wrong is in the item. */
export async function checkDependency(dependency: Dependency, signal: AbortSignal): Promise<CheckItem> {
  const outcome = await runProgram(dependency.command, {
    environment: childEnvironment(),
    timeoutMs: TIMEOUT_MS,
    maxOutput: MAX_OUTPUT,
    signal,
  });
  return judgeVersion(dependency, outcome);
}

/** Judges the Node that runs this program. */
export function checkNode(version = process.versions.node): CheckItem {
  if (semver.gte(version, semver.coerce(MINIMUM_NODE) ?? MINIMUM_NODE))
    return { name: "node", status: "ok", found: version };
  const expected = `version ${MINIMUM_NODE} or newer`;
  return { name: "node", status: "failed", found: version, expected, remedy: "Install a newer Node.js." };
}
