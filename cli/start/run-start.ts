import { loadConfig } from "../../config/load.ts";
import { LAST_PHASE, phaseTitle } from "../../config/phase.ts";
import { StepError } from "../../errors/step-error.ts";
import { sandboxUp } from "../../sandbox/index.ts";
import { capturePulumi, ensureStack, runPulumi } from "../pulumi.ts";
import { readStackSource } from "../stack-source.ts";
import type { Status } from "../status/contract.ts";
import { readStatus } from "../status/read-status.ts";
import { renderStatus } from "../status/render.ts";
import type { Timings } from "../timings.ts";
import { logLine, printLines } from "../verb.ts";

/** The phases to run one after the other: from the one after what is done up to the last. Pure. */
function phasesToRun(actual: number | null): number[] {
  const first = actual === null ? 0 : Math.min(actual + 1, LAST_PHASE);
  return Array.from({ length: LAST_PHASE - first + 1 }, (_, index) => first + index);
}

async function setPhase(stack: string, phase: number): Promise<void> {
  const { exitCode, stderr } = await capturePulumi(["config", "set", "phase", String(phase)], { stack });
  if (exitCode !== 0) {
    throw new StepError(
      `start: expected to set phase ${phase} for stack ${stack}, got: ${stderr.trim()}. Set it by hand.`,
    );
  }
}

async function runPhase(stack: string, phase: number): Promise<void> {
  await setPhase(stack, phase);
  logLine(`\n${phaseTitle(phase)}: rollout up --yes`);
  const exitCode = await runPulumi(["up", "--yes", "--skip-preview", "--suppress-permalink=true"], { stack });
  if (exitCode !== 0) {
    throw new StepError(
      `start: expected \`up\` to finish ${phaseTitle(phase)}, got exit code ${exitCode}; the reason is above. ` +
        "Look: npx rollout status. Go on: npm start. Go back: npx rollout destroy",
    );
  }
}

/** What a person has to know, read in ten seconds. Pure. */
export function renderSummary(status: Status, urls: { app: string }): string[] {
  return [
    "",
    ...renderStatus(status).filter((line) => !line.startsWith("flag") && !line.includes(" pid ")),
    "",
    `application  ${urls.app}`,
    "database     npx rollout sandbox url",
    "",
    "Try next",
    "  npx rollout preview                                     what `up` would do now: nothing",
    "  npx rollout audit                                       the seven points of the audit, early",
    "  npx rollout config set phase 3 && npx rollout up --yes  the flag is back",
    '  npx rollout flag off --reason "trying it out"           the old behaviour, on every process, in seconds',
    "  npx rollout config set phase 0 && npx rollout up --yes  roll back, every row as it was",
    "  npx rollout sandbox traffic --rate 200 --seconds 30     users at work; do it during an up",
    "  npx rollout destroy --yes && npx rollout sandbox down   stop everything",
  ];
}

/**
 * Brings the sandbox up and runs every phase that is not done yet; where all are, one `up` that finds nothing to do.
 * @throws {StepError} when a phase fails, with what to do next.
 */
export async function runStart(stack: string, timings: Timings): Promise<void> {
  const sandbox = await timings.time("sandbox", () => sandboxUp({ log: logLine }));
  await timings.time("stack", () => ensureStack(stack));
  const before = await timings.time("look at the stack", async () => {
    // A faulty configuration is told before anything runs; its faults are complete lines.
    loadConfig(await readStackSource(stack));
    return readStatus(stack);
  });
  for (const phase of phasesToRun(before.phase.actual)) {
    await timings.time(phaseTitle(phase), () => runPhase(stack, phase));
  }
  const after = await timings.time("status", () => readStatus(stack));
  printLines(renderSummary(after, sandbox));
}
