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
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** A process that ran this long was well: its next failure is a new one. */
const WELL_MS = 10_000;

/** Keeps the processes of one unit running and hands connections to those that are ready. */
export interface UnitRunner {
  readonly children: ReadonlySet<ChildProcess>;
  /** Gives the connection to the next ready process; one that waits for a process is kept until there is one. */
  serve(socket: Socket): void;
  stop(): void;
}

/**
 * Starts the unit's processes, and each again when it ends, later each time that it fails at once.
 * As systemd does, the release and the environment file are read anew for every single process.
 */
export function runUnit(plan: HostPlan, unit: Unit, onChange: () => void): UnitRunner {
  const children = new Set<ChildProcess>();
  const ready: ChildProcess[] = [];
  const waiting: Socket[] = [];
  let stopping = false;

  const serve = (socket: Socket): void => {
    const child = ready.shift();
    if (!child) return void waiting.push(socket);
    ready.push(child);
    child.send("connection", socket, { keepOpen: false }, (error) => {
      // The process ended between the choice and the hand-over: another one takes the connection.
      if (error) serve(socket);
    });
  };

  const start = (pauseMs: number): void => {
    if (stopping) return;
    const startedAt = Date.now();
    const child = spawnProcess(plan, unit);
    children.add(child);
    child.on("message", () => {
      ready.push(child);
      for (const socket of waiting.splice(0)) serve(socket);
    });
    const leave = () => void (ready.includes(child) && ready.splice(ready.indexOf(child), 1));
    child.once("disconnect", leave);
    child.once("error", () => undefined);
    child.once("close", () => {
      leave();
      children.delete(child);
      onChange();
      const next =
        Date.now() - startedAt > WELL_MS ? FIRST_PAUSE_MS : Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      setTimeout(start, next, next);
    });
    onChange();
  };

  for (let index = 0; index < unit.processes; index += 1) start(FIRST_PAUSE_MS);
  const stop = () => {
    stopping = true;
    for (const child of children) child.kill("SIGTERM");
  };
  return { children, serve, stop };
}

function spawnProcess(plan: HostPlan, unit: Unit): ChildProcess {
  // The real path: a process must keep its files when `current` is switched under it.
  const release = realpathSync(join(plan.appDir, "current"));
  const { PATH, HOME, TMPDIR, LANG } = process.env;
  const given = Object.entries({ PATH, HOME, TMPDIR, LANG }).filter(([, value]) => value !== undefined);
  const env = {
    ...Object.fromEntries(given),
    // Not in the environment file: no quoting there can hold every name that a folder may have.
    LOG_DIR: join(plan.folder, "log"),
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
