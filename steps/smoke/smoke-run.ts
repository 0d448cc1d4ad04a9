import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { SmokeSection } from "../../config/smoke.ts";
import { childEnvironment } from "../../processes/child-process.ts";
import { readTail } from "../../processes/file-tail.ts";
import { hideInherited, inheritedVariables } from "../../processes/inherited-variables.ts";
import { isInstalled } from "../../processes/installed-program.ts";
import { type LongProgramEnd, runLongProgram } from "../../processes/long-program.ts";
import type { StepDeps } from "../step.ts";

/** Output at which a smoke test is taken for a program that never stops printing. */
const OUTPUT_LIMIT = 64 * 1024 * 1024;
/** End of the output that a failure shows. */
const SHOWN_BYTES = 2_000;

/** What a command and its folder are filled in with. */
export interface SmokeTarget {
  /** Base address of the application, for `{app}`. */
  app: string;
  /** Commit that is expected to run, for `{release}`. */
  release: string;
}

/** A smoke test that passed. One that did not is a text: why, with the end of its output. */
export interface SmokeResult {
  command: string[];
  seconds: number;
}

const fillIn = (text: string, { app, release }: SmokeTarget) =>
  text.replaceAll(/\{(app|release)\}/g, (_, key: keyof SmokeTarget) => ({ app, release })[key]);

const folderOf = (smoke: SmokeSection, target: SmokeTarget) => resolve(fillIn(smoke.cwd, target));

/** PATH, home and what the configuration names of our own environment. */
const environmentOf = ({ inherit }: SmokeSection) => ({
  ...childEnvironment(),
  ...inheritedVariables(inherit),
});

/** What would keep the command from starting, each complete with remedy. */
export async function smokeBlockers(smoke: SmokeSection, target: SmokeTarget): Promise<string[]> {
  const missing = smoke.inherit
    .filter((name) => process.env[name] === undefined)
    .map(
      (name) =>
        `smoke: expected the variable ${name} in the environment, got none. Set it, or remove it from smoke.inherit.`,
    );
  const cwd = folderOf(smoke, target);
  if (!(await stat(cwd).catch(() => undefined))?.isDirectory()) {
    return [...missing, `smoke: expected the folder ${cwd} to run in, got none. Correct smoke.cwd.`];
  }
  const [program = ""] = smoke.command.map((part) => fillIn(part, target));
  const installed = await isInstalled(program, { environment: environmentOf(smoke), cwd });
  const absent = `smoke: expected the program ${program} to be installed, got none. Install it, or correct smoke.command.`;
  return installed ? missing : [...missing, absent];
}

function describeEnd(end: LongProgramEnd, { timeoutSeconds }: SmokeSection): string | undefined {
  if (end.failure === "timed out") return `still ran after ${timeoutSeconds} s and was ended`;
  if (end.failure) return end.failure;
  if (end.endedBy) return `ended by ${end.endedBy}`;
  return end.exitCode === 0 ? undefined : `exit code ${end.exitCode}`;
}

/**
 * Runs the configured smoke command against the application.
 * @returns why it failed, with the end of its output, or the run that passed.
 */
export async function runSmoke(
  smoke: SmokeSection,
  target: SmokeTarget,
  { signal, log }: Pick<StepDeps, "signal" | "log">,
): Promise<SmokeResult | string> {
  const scratch = await mkdtemp(join(tmpdir(), "rollout-smoke-"));
  const [stdoutFile, stderrFile] = [join(scratch, "stdout"), join(scratch, "stderr")];
  try {
    const command = smoke.command.map((part) => fillIn(part, target));
    const end = await runLongProgram(command, {
      ...{ environment: environmentOf(smoke), cwd: folderOf(smoke, target), signal, stdoutFile, stderrFile },
      ...{ timeoutMs: smoke.timeoutSeconds * 1000, maxBytes: OUTPUT_LIMIT },
      onProgress: (seconds) => log(`smoke: runs since ${Math.round(seconds)} s`),
    });
    signal.throwIfAborted();
    const fault = describeEnd(end, smoke);
    if (!fault) return { command: smoke.command, seconds: Math.round(end.seconds * 10) / 10 };
    const tails = await Promise.all([stdoutFile, stderrFile].map((file) => readTail(file, SHOWN_BYTES)));
    const output = hideInherited(tails.join("").trimEnd(), smoke.inherit).replaceAll(/[^\P{C}\n]/gu, "");
    return `${fault}${output === "" ? ", it printed nothing" : `; the end of its output:\n${output}`}`;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
