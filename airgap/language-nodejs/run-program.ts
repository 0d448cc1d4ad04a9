import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { RunRequest } from "@pulumi/pulumi/proto/language_pb.js";
import { readRunOptions } from "./run-options.ts";

/** How a program ended. `bail`: it failed and has said everything itself. */
export interface RunOutcome {
  error: string;
  bail: boolean;
}

/** Exit code of @pulumi/pulumi's runner for "the person has been told already". */
const ALREADY_REPORTED = 32;
/** Longest wait for a cancelled program to end by itself. */
const GRACE_MS = 5000;

/** The SDK still reads configuration keys in their older form, `<project>:config:<name>`. */
function configuration(request: RunRequest): string {
  const entries = request.getConfigMap().toObject(true) as unknown as [string, string][];
  return JSON.stringify(
    Object.fromEntries(
      entries.map(([key, value]) => [key.replace(/^([^:]+):(?!config:)/, "$1:config:"), value]),
    ),
  );
}

function runnerArguments(request: RunRequest, runner: string, engine: string): string[] {
  const info = request.getInfo();
  const options: [string, string | undefined][] = [
    ["monitor", request.getMonitorAddress()],
    ["engine", engine],
    ["organization", request.getOrganization()],
    ["project", request.getProject()],
    ["root-directory", info?.getRootDirectory()],
    ["stack", request.getStack()],
    ["pwd", info?.getProgramDirectory() ?? request.getPwd()],
    ["parallel", String(request.getParallel())],
  ];
  return [
    runner,
    ...options.flatMap(([name, value]) => (value ? [`--${name}`, value] : [])),
    ...(request.getDryrun() ? ["--dry-run"] : []),
    info?.getEntryPoint() || request.getProgram() || ".",
    ...request.getArgsList(),
  ];
}

function describeExit(code: number | null, signal: NodeJS.Signals | null): RunOutcome {
  if (code === 0) return { error: "", bail: false };
  if (code === ALREADY_REPORTED) return { error: "", bail: true };
  const hint =
    signal === "SIGABRT" || code === 134
      ? " If node ran out of memory, raise it with runtime.options.nodeargs: --max-old-space-size=<MiB> in Pulumi.yaml."
      : "";
  const how = code === null ? `was ended by ${signal}` : `exited with non-zero exit code: ${code}`;
  return { error: `Program ${how}.${hint}`, bail: false };
}

function locateRunner(folder: string): string {
  try {
    return createRequire(join(folder, "package.json")).resolve("@pulumi/pulumi/cmd/run");
  } catch {
    throw new Error(
      `program: expected @pulumi/pulumi in ${folder}, found none. Run npm ci --ignore-scripts there.`,
    );
  }
}

/** Starts the program of one Run request. `cancel` asks it to end, then ends it. */
export function startProgram(
  request: RunRequest,
  engine: string,
): { cancel(): void; done: Promise<RunOutcome> } {
  const folder = request.getInfo()?.getProgramDirectory() || request.getPwd();
  const options = readRunOptions(
    (request.getInfo()?.getOptions()?.toJavaScript() ?? {}) as Record<string, unknown>,
  );
  const runner = locateRunner(folder);
  const child: ChildProcess = spawn(
    process.execPath,
    [...options.nodeargs, ...runnerArguments(request, runner, engine)],
    {
      cwd: folder,
      stdio: ["ignore", "inherit", "inherit"],
      env: {
        ...process.env,
        PULUMI_CONFIG: configuration(request),
        PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
        ...(options.typescript ? { PULUMI_NODEJS_TYPESCRIPT: "true" } : {}),
        ...(options.tsconfig ? { PULUMI_NODEJS_TSCONFIG_PATH: options.tsconfig } : {}),
      },
    },
  );
  const done = new Promise<RunOutcome>((resolve) => {
    child.once("error", (error) =>
      resolve({ error: `Program could not be started: ${error.message}`, bail: false }),
    );
    child.once("exit", (code, signal) => resolve(describeExit(code, signal)));
  });
  const cancel = () => {
    child.kill("SIGINT");
    setTimeout(() => child.kill("SIGKILL"), GRACE_MS).unref();
  };
  return { cancel, done };
}
