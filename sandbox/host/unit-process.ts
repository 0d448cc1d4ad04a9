import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import type { Socket } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseEnv } from "node:util";
import type { HostPlan, Unit } from "./host.ts";

/** Type stripping for the release's code, from this checkout's dependencies. */
const TSX = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;

/** How a process ended. */
export type Ending = "exit-code" | "signal";

/** One process of a service. */
export interface UnitProcess {
  readonly pid: number | undefined;
  /** True once it has said that it is ready; false when it ended without. */
  readonly ready: Promise<boolean>;
  readonly ended: Promise<Ending>;
  signal(name: NodeJS.Signals): void;
  /** Hands a connection over; `onLost` is called when it could not be: then it is whole and another's to take. */
  give(connection: Socket, onLost: () => void): void;
}

/**
 * Starts a process as systemd does: the release and the environment file are read anew for every single one, and
 * the file's lines win over the unit's own `Environment=`.
 * @param onStopping Called when the process, told to end, asks for no more connections. Once it returns, the process
 *   hears `drained`, in order after every connection that it was given: what it holds then is all that it will get.
 * @throws when there is no release or no environment file to read.
 */
export function startProcess(
  plan: HostPlan,
  unit: Unit,
  environment: Record<string, string>,
  onStopping: () => void,
): UnitProcess {
  const child = spawnProcess(plan, unit, environment);
  child.on("message", (message) => {
    if (message !== "stopping") return;
    onStopping();
    // Ended meanwhile: then nobody has to hear it.
    child.send("drained", () => undefined);
  });
  child.once("disconnect", onStopping);
  const ended = new Promise<Ending>((resolve) => {
    child.once("error", () => resolve("exit-code"));
    child.once("close", (_code, signal) => resolve(signal ? "signal" : "exit-code"));
  });
  // Node sends one at a time and says nothing of those that still wait when the process ends.
  const unsent = new Map<Socket, () => void>();
  void ended.then(() => {
    for (const onLost of unsent.values()) onLost();
  });
  return {
    pid: child.pid,
    ended,
    ready: Promise.race([heardReady(child), ended.then(() => false)]),
    signal: (name) => void child.kill(name),
    give: (connection, onLost) => {
      unsent.set(connection, onLost);
      child.send("connection", connection, { keepOpen: false }, (error) => {
        if (unsent.delete(connection) && error) onLost();
      });
    },
  };
}

function heardReady(child: ChildProcess): Promise<boolean> {
  return new Promise((resolve) => {
    child.on("message", (message) => message === "ready" && resolve(true));
  });
}

function spawnProcess(plan: HostPlan, unit: Unit, environment: Record<string, string>): ChildProcess {
  // The real path: a process must keep its files when `current` is switched under it.
  const release = realpathSync(join(plan.appDir, "current"));
  const { PATH, HOME, TMPDIR, LANG } = process.env;
  const given = Object.entries({ PATH, HOME, TMPDIR, LANG }).filter(([, value]) => value !== undefined);
  const env = {
    ...Object.fromEntries(given),
    // Not in the environment file: no quoting there can hold every name that a folder may have.
    LOG_DIR: join(plan.folder, "log"),
    ...environment,
    ...parseEnv(readFileSync(plan.envFile, "utf8")),
    [unit.kind === "web" ? "PORT" : "HEALTH_PORT"]: String(unit.port),
  };
  // Output that the app does not log itself (a crash) goes where the supervisor's goes: journal.log.
  return spawn(process.execPath, ["--import", TSX, join(release, unit.entry)], {
    cwd: release,
    env: env as NodeJS.ProcessEnv,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
}
