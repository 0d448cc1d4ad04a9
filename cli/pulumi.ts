import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa, type ResultPromise } from "execa";
import { toolchainEnvironment } from "../bin/toolchain.mjs";
import { StepError } from "../errors/step-error.ts";
import { endGroup } from "../processes/child-process.ts";
import { DEFAULT_STACK, PROJECT_ROOT } from "./project.ts";

type Environment = Record<string, string | undefined>;

/** The toolchain's environment; an undefined variable is unset for Pulumi. */
function pulumiEnvironment(stack: string, args: readonly string[]): Environment {
  return { ...toolchainEnvironment({ stack }), ...stackVariable(stack, args), ...debugVariable(args) };
}

/** Pulumi does not tell the program of `--debug`: without this it keeps back what is shown then (rollout/sdk-patches.ts). */
function debugVariable(args: readonly string[]): Environment {
  return args.some((arg) => /^(-d|--debug(=true)?)$/.test(arg)) ? { ROLLOUT_SDK_DEBUG: "1" } : {};
}

/** Verbs of `pulumi stack` that name their stack themselves or ask about all: PULUMI_STACK would contradict them. */
const NAMES_ITS_STACK = ["init", "select", "unselect", "ls"];

function stackVariable(stack: string, args: readonly string[]): Environment {
  const own = args[0] === "stack" && NAMES_ITS_STACK.includes(args[1] ?? "");
  return { PULUMI_STACK: own ? undefined : stack };
}

/**
 * Runs Pulumi with this terminal and returns its exit code.
 * Ctrl-C on a terminal reaches the whole foreground group, Pulumi included: handing it on as well would count as
 * a second one, which makes Pulumi stop at once. Without a terminal Pulumi gets a group of its own and each signal once.
 */
export async function runPulumi(args: readonly string[], { stack }: { stack: string }): Promise<number> {
  const ownGroup = process.stdin.isTTY !== true;
  const child = execa("pulumi", args, {
    cwd: PROJECT_ROOT,
    env: pulumiEnvironment(stack, args),
    stdio: "inherit",
    reject: false,
    cleanup: false,
    detached: ownGroup,
  });
  const stopRelaying = relaySignals(child, ownGroup);
  try {
    const { exitCode, signal, code, shortMessage } = await child;
    if (code === "ENOENT")
      throw new StepError(`rollout: expected the program pulumi on PATH, got none. ${shortMessage}`);
    return exitCode ?? 128 + (signal ? constants.signals[signal] : 0);
  } finally {
    stopRelaying();
  }
}

function relaySignals(child: Pick<ResultPromise, "kill">, ownGroup: boolean): () => void {
  const onInterrupt = () => {
    if (ownGroup) child.kill("SIGINT");
  };
  const onTerminate = () => child.kill("SIGTERM");
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onTerminate);
  return () => {
    process.off("SIGINT", onInterrupt);
    process.off("SIGTERM", onTerminate);
  };
}

/** What a quiet Pulumi command printed. */
export interface Captured {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface CaptureOptions {
  stack: string;
  /** Goes to its stdin. */
  input?: string;
  /** Milliseconds until Pulumi and what it started are ended, for who cannot wait for a backend. */
  timeoutMs?: number;
}

/** Runs Pulumi without showing its output. */
export async function capturePulumi(
  args: readonly string[],
  { stack, input, timeoutMs }: CaptureOptions,
): Promise<Captured> {
  const child = execa("pulumi", [...args, "--non-interactive"], {
    cwd: PROJECT_ROOT,
    env: pulumiEnvironment(stack, args),
    reject: false,
    // A group of its own, to be ended as one: what it started would keep its output open.
    detached: timeoutMs !== undefined,
    ...(input === undefined ? { stdin: "ignore" as const } : { input }),
  });
  let late = "";
  const end = () => {
    late = `no answer within ${(timeoutMs ?? 0) / 1000} s`;
    endGroup(child.pid);
  };
  const timer = timeoutMs === undefined ? undefined : setTimeout(end, timeoutMs);
  const { exitCode = 1, stdout, stderr, shortMessage } = await child;
  clearTimeout(timer);
  return { exitCode, stdout: String(stdout ?? ""), stderr: late || String(stderr || shortMessage || "") };
}

/**
 * Creates the sandbox's stack at first use. Other stacks are made by `pulumi stack init`, on purpose.
 * @throws {StepError} with Pulumi's own words when that fails.
 */
export async function ensureStack(stack: string, limit: { timeoutMs?: number } = {}): Promise<void> {
  if (stack !== DEFAULT_STACK) return;
  const { PULUMI_BACKEND_URL: backend = "" } = toolchainEnvironment({ stack });
  if (backend.startsWith("file://") && hasStackFile(backend, stack)) return;
  dropForeignSalt(stack);
  const made = await capturePulumi(["stack", "select", "--create", stack], { stack, ...limit });
  if (made.exitCode !== 0) {
    throw new StepError(
      `rollout: expected Pulumi to create the stack ${stack}, got exit code ${made.exitCode}: ${made.stderr.trim()}. ` +
        `Try it by hand: npx rollout pulumi stack init ${stack}`,
    );
  }
}

/**
 * The salt that a committed stack file may carry belongs to another checkout's passphrase: Pulumi would refuse ours.
 * Nothing is lost: the sandbox's configuration holds no secret.
 */
function dropForeignSalt(stack: string): void {
  const file = join(PROJECT_ROOT, `Pulumi.${stack}.yaml`);
  const text = readFileSync(file, "utf8");
  const without = text.replace(/^encryptionsalt:.*\n?/m, "");
  if (without !== text) writeFileSync(file, without);
}

function hasStackFile(backend: string, stack: string): boolean {
  const folder = URL.canParse(backend) ? fileURLToPath(new URL(backend)) : backend.slice("file://".length);
  return existsSync(join(folder, ".pulumi", "stacks", "deal-type-rollout", `${stack}.json`));
}
