export interface ProgramOptions {
  /** The child's whole environment: nothing is inherited, so that no secret of ours reaches it by accident. */
  environment: Record<string, string>;
  /** Milliseconds until the child and everything it started are ended. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  /** Bytes of output kept for each stream; a child that prints more is ended. Default 1 MiB. */
  maxOutput?: number;
  cwd?: string;
}

/** How a program ended. Exactly one of the failures is set, or `exitCode` is a number. */
export interface ProgramOutcome {
  exitCode: number | undefined;
  stdout: string;
  stderr: string;
  /** Why it did not end by itself. */
  failure?: "not found" | "timed out" | "cancelled" | "too much output" | "killed";
}

/*
 * The program runs in a process group of its own, beside a watcher that reads a pipe held by us. However we end,
 * SIGKILL included, the pipe closes and the watcher kills the group: no dump outlives the step that started it.
 * The text is constant; program and arguments arrive as "$@", so no shell ever parses them. umask: dumps are private.
 */
export const SUPERVISED = `umask 077
exec 3<&0
( trap - TERM; read -r _ <&3; kill -s KILL 0 ) >/dev/null 2>&1 &
watcher=$!
"$@" </dev/null 3<&-
code=$?
kill -s TERM $watcher
exit $code`;

/** PATH and home of this process, and plain English messages: what a child needs and no more. */
export function childEnvironment(): Record<string, string> {
  const { PATH = "/usr/bin:/bin", HOME, TMPDIR } = process.env;
  return { PATH, LC_ALL: "C", ...(HOME ? { HOME } : {}), ...(TMPDIR ? { TMPDIR } : {}) };
}

/**
 * Runs a program by its argument list, never through shell text. The child and all of its children end with this
 * process, with `signal` and at the time limit. Never throws for what the child does.
 */
export async function runProgram(argv: readonly string[], options: ProgramOptions): Promise<ProgramOutcome> {
  const { environment, timeoutMs, signal, maxOutput = 1 << 20, cwd } = options;
  // Its hundred modules are loaded by who runs a program: steps that only look must not wait for them.
  const { execa } = await import("execa");
  const child = execa("/bin/sh", ["-c", SUPERVISED, "supervised", ...argv], {
    detached: true,
    extendEnv: false,
    env: environment,
    stdin: "pipe",
    maxBuffer: maxOutput,
    reject: false,
    ...(cwd ? { cwd } : {}),
  });
  let failure: ProgramOutcome["failure"];
  const end = (reason: "timed out" | "cancelled") => () => {
    failure ??= reason;
    endGroup(child.pid);
  };
  const timer = setTimeout(end("timed out"), timeoutMs);
  const cancel = end("cancelled");
  if (signal?.aborted) cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    const result = await child;
    if (result.isMaxBuffer) failure ??= "too much output";
    if (result.exitCode === 127) failure ??= "not found";
    if (result.exitCode === undefined) failure ??= "killed";
    const { exitCode, stdout = "", stderr = "" } = result;
    return { exitCode, stdout, stderr, ...(failure ? { failure } : {}) };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", cancel);
    endGroup(child.pid);
  }
}

/** SIGKILL to the whole group: dump and version programs have nothing to clean up that we would keep. */
export function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Gone already.
  }
}
