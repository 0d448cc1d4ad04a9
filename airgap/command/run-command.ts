import { type ChildProcess, spawn } from "node:child_process";
import { statSync } from "node:fs";
import type { Readable } from "node:stream";
import { collectArchive, collectAssets } from "./collect-files.ts";
import type { EngineLog } from "./engine-log.ts";
import { describeExit, failureText } from "./failure-text.ts";
import type { CommandInputs } from "./inputs.ts";
import { LineLog } from "./line-log.ts";
import type { PropertyMap } from "./property-value.ts";

/** What a command left behind. */
export interface CommandOutputs {
  stdout: string;
  stderr: string;
  assets?: PropertyMap;
  archive?: PropertyMap;
}

/** One run of one command. */
export interface CommandRun {
  command: string;
  inputs: CommandInputs;
  /** Outputs of the run before, for PULUMI_COMMAND_STDOUT and PULUMI_COMMAND_STDERR. */
  previous: CommandOutputs;
  log: EngineLog;
  /** Aborted on cancel and on timeout: the command's own process is killed; its children are not. */
  signal: AbortSignal;
}

function environment({ inputs, previous }: CommandRun): NodeJS.ProcessEnv {
  const shown = inputs.addPreviousOutputInEnv ?? true;
  return {
    ...process.env,
    ...inputs.environment,
    ...(shown && previous.stdout ? { PULUMI_COMMAND_STDOUT: previous.stdout } : {}),
    ...(shown && previous.stderr ? { PULUMI_COMMAND_STDERR: previous.stderr } : {}),
  };
}

/** Why the command cannot be started there, in words that name the folder: node would blame the program. */
function folderFault(dir: string | undefined): string | undefined {
  if (dir === undefined || dir === "") return undefined;
  const stats = statSync(dir, { throwIfNoEntry: false });
  if (!stats) return `chdir ${dir}: no such file or directory`;
  return stats.isDirectory() ? undefined : `chdir ${dir}: not a directory`;
}

function spawnFault(error: NodeJS.ErrnoException, program: string): string {
  if (error.code === "ENOENT" && !program.includes("/"))
    return `exec: "${program}": executable file not found in $PATH`;
  const reasons: Record<string, string> = {
    ENOENT: "no such file or directory",
    EACCES: "permission denied",
    E2BIG: "argument list too long",
  };
  return `fork/exec ${program}: ${reasons[error.code ?? ""] ?? error.message}`;
}

/** Some failures to start come as events, others (arguments too long) are thrown. */
function startOrExplain(run: CommandRun): ChildProcess {
  try {
    return start(run);
  } catch (error) {
    const program = run.inputs.interpreter?.[0] ?? "/bin/sh";
    throw new Error(failureText(spawnFault(error as NodeJS.ErrnoException, program), run.command, ""));
  }
}

/** Collects a stream, and shows it line by line when asked to. */
function follow(stream: Readable, into: Buffer[][], log: EngineLog | undefined): void {
  const lines = log && new LineLog((line) => log.write(line));
  stream.on("data", (chunk: Buffer) => {
    for (const buffers of into) buffers.push(chunk);
    lines?.push(chunk);
    stream.pause();
    void (log?.drained() ?? Promise.resolve()).then(() => stream.resume());
  });
  stream.on("end", () => lines?.end());
}

function start(run: CommandRun): ChildProcess {
  const { inputs, command } = run;
  const [program = "/bin/sh", ...args] = inputs.interpreter?.length ? inputs.interpreter : ["/bin/sh", "-c"];
  const child = spawn(program, [...args, command], {
    ...(inputs.dir ? { cwd: inputs.dir } : {}),
    env: environment(run),
    stdio: [inputs.stdin ? "pipe" : "ignore", "pipe", "pipe"],
    // SIGKILL and no other: the official plugin gives the command no time either.
    signal: run.signal,
    killSignal: "SIGKILL",
  });
  // A command need not read its stdin.
  child.stdin?.on("error", () => {});
  child.stdin?.end(inputs.stdin);
  return child;
}

/** Waits until the process has ended and nobody holds its output any more; says why it failed, if it did. */
async function ended(child: ChildProcess, run: CommandRun): Promise<string | undefined> {
  let fault: string | undefined;
  // Not events.once: that would settle at the abort, while the command's children may still be printing.
  child.on("error", (error) => {
    if (error.name !== "AbortError") fault = spawnFault(error, child.spawnfile);
  });
  const exit = await new Promise<string | undefined>((resolve) => {
    child.once("close", (code, signal) => resolve(describeExit(code, signal)));
  });
  await run.log.finished();
  return fault ?? exit ?? (run.signal.aborted ? "context canceled" : undefined);
}

function text(buffers: Buffer[]): string {
  return Buffer.concat(buffers).toString("utf8");
}

function collect({ inputs }: CommandRun): Pick<CommandOutputs, "assets" | "archive"> {
  const folder = inputs.dir || process.cwd();
  return {
    ...(inputs.assetPaths ? { assets: collectAssets(folder, inputs.assetPaths) } : {}),
    ...(inputs.archivePaths ? { archive: collectArchive(folder, inputs.archivePaths) } : {}),
  };
}

/**
 * Runs the command to its end and returns its outputs, one trailing line break taken off each.
 * @throws an error with exit status, command and everything it printed, when it fails
 */
export async function runCommand(run: CommandRun): Promise<CommandOutputs> {
  const fault = run.signal.aborted ? "context canceled" : folderFault(run.inputs.dir);
  if (fault) throw new Error(failureText(fault, run.command, ""));
  const [stdout, stderr, both]: [Buffer[], Buffer[], Buffer[]] = [[], [], []];
  const logging = run.inputs.logging ?? "stdoutAndStderr";
  const child = startOrExplain(run);
  const closed = ended(child, run);
  if (child.stdout) follow(child.stdout, [stdout, both], /^stdout/.test(logging) ? run.log : undefined);
  if (child.stderr) follow(child.stderr, [stderr, both], /stderr$/i.test(logging) ? run.log : undefined);
  const reason = await closed;
  if (reason) throw new Error(failureText(reason, run.command, text(both)));
  return {
    ...run.previous,
    ...collect(run),
    stdout: text(stdout).replace(/\n$/, ""),
    stderr: text(stderr).replace(/\n$/, ""),
  };
}
