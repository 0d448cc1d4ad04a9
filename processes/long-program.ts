import { spawn } from "node:child_process";
import { once } from "node:events";
import { type FileHandle, open, stat } from "node:fs/promises";
import { constants } from "node:os";
import { endGroup, SUPERVISED } from "./child-process.ts";

export interface LongProgramOptions {
  /** The child's whole environment: nothing is inherited. */
  environment: Record<string, string>;
  cwd: string;
  /** Milliseconds until the program and all that it started are ended. */
  timeoutMs: number;
  signal: AbortSignal;
  /** Files that stdout and stderr go to: written by the program itself, so that no output fills our memory. */
  stdoutFile: string;
  stderrFile: string;
  /** Bytes of output in both files at which the program is ended. */
  maxBytes: number;
  /** Called about every ten seconds. */
  onProgress(seconds: number, bytes: number): void;
}

/** How a long program ended: by itself with an exit code, by a signal, or by us. */
export interface LongProgramEnd {
  exitCode?: number;
  /** Name of the signal that ended it, e.g. SIGSEGV. */
  endedBy?: string;
  failure?: "not found" | "timed out" | "cancelled" | "too much output";
  seconds: number;
}

const LOOK_MS = 500;
const SAY_MS = 10_000;

/** A shell tells of a child that died by signal n as exit code 128 + n. */
function signalName(code: number): string | undefined {
  return Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];
}

async function outputBytes(options: LongProgramOptions): Promise<number> {
  const sizes = await Promise.all([stat(options.stdoutFile), stat(options.stderrFile)]);
  return sizes.reduce((sum, { size }) => sum + size, 0);
}

function start(argv: readonly string[], options: LongProgramOptions, out: FileHandle, err: FileHandle) {
  const { cwd, environment } = options;
  return spawn("/bin/sh", ["-c", SUPERVISED, "supervised", ...argv], {
    ...{ cwd, env: environment, detached: true },
    stdio: ["pipe", out.fd, err.fd],
  });
}

/**
 * Runs a program that may take hours and print a lot. As `runProgram` it runs without a shell parsing anything and
 * ends, with its children, when we do; its output goes to files. Never throws for what the program does.
 */
export async function runLongProgram(
  argv: readonly string[],
  options: LongProgramOptions,
): Promise<LongProgramEnd> {
  const [out, err] = [await open(options.stdoutFile, "w", 0o600), await open(options.stderrFile, "w", 0o600)];
  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1000;
  const child = start(argv, options, out, err);
  let failure: LongProgramEnd["failure"];
  const end = (reason: NonNullable<typeof failure>) => {
    failure ??= reason;
    endGroup(child.pid);
  };
  let saidAt = startedAt;
  const look = setInterval(async () => {
    const bytes = await outputBytes(options).catch(() => 0);
    if (bytes > options.maxBytes) end("too much output");
    if (performance.now() - saidAt < SAY_MS) return;
    saidAt = performance.now();
    options.onProgress(seconds(), bytes);
  }, LOOK_MS);
  const timer = setTimeout(() => end("timed out"), options.timeoutMs);
  const cancel = () => end("cancelled");
  options.signal.addEventListener("abort", cancel, { once: true });
  try {
    if (options.signal.aborted) cancel();
    const [code] = (await once(child, "exit")) as [number | null];
    if ((await outputBytes(options)) > options.maxBytes) failure ??= "too much output";
    return describeEnd(code, failure, seconds());
  } finally {
    clearInterval(look);
    clearTimeout(timer);
    options.signal.removeEventListener("abort", cancel);
    endGroup(child.pid);
    child.stdin?.destroy();
    await Promise.all([out.close(), err.close()]);
  }
}

function describeEnd(
  code: number | null,
  failure: LongProgramEnd["failure"],
  seconds: number,
): LongProgramEnd {
  if (failure) return { failure, seconds };
  if (code === 127) return { failure: "not found", exitCode: code, seconds };
  const endedBy = code === null ? "SIGKILL" : code > 128 ? signalName(code) : undefined;
  return { ...(code === null ? {} : { exitCode: code }), ...(endedBy ? { endedBy } : {}), seconds };
}
