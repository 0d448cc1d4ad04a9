import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Host, Service } from "../../config/target.ts";
import { makeHost, putProgram } from "./host-fixture.ts";

/** The application as a release has it: a master whose workers share one port and say what they run. */
export const APP = `
import cluster from "node:cluster";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
const release = basename(dirname(fileURLToPath(import.meta.url)));
const { PORT, PROCESSES, FLAG, HOST_FOLDER } = process.env;
if (existsSync(HOST_FOLDER + "/fails-" + release)) process.exit(3);
const startedAt = new Date().toISOString();
// Like a worker that was not written to read the flag: it has it off whatever is set.
const deaf = existsSync(HOST_FOLDER + "/deaf-" + release);
if (cluster.isPrimary) {
  for (let index = 0; index < Number(PROCESSES); index += 1) cluster.fork();
} else {
  // Like code from before a rollout that knows no contract.
  const mute = () => existsSync(HOST_FOLDER + "/mute-" + release);
  createServer((request, response) =>
    response.end(mute() ? "OK" : JSON.stringify({ pid: process.pid, release, startedAt, flag: deaf ? false : FLAG === "true" })),
  ).listen(Number(PORT), "127.0.0.1");
}
`;

/** What stands for systemctl: reads \`current\` and the environment file anew for every start, as systemd does. */
const SYSTEMCTL = String.raw`#!/usr/bin/env node
const { appendFileSync, existsSync, openSync, readFileSync, realpathSync, rmSync, writeFileSync } = require("node:fs");
const { spawn } = require("node:child_process");
const { connect } = require("node:net");
const { parseEnv } = require("node:util");
const folder = __dirname + "/..";
const { appDir, envFile, units } = JSON.parse(readFileSync(folder + "/units.json", "utf8"));
const [verb, ...words] = process.argv.slice(2);
let [unit] = words;
let pidFile = folder + "/" + unit + ".pid";
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const alive = (pid) => { try { return !readFileSync("/proc/" + pid + "/stat", "utf8").includes(") Z "); } catch { return false; } };
const mainPid = () => { const pid = existsSync(pidFile) ? Number(readFileSync(pidFile, "utf8")) : 0; return pid && alive(pid) ? pid : 0; };
const answers = (port) => new Promise((resolve) => {
  const socket = connect(port, "127.0.0.1", () => { socket.destroy(); resolve(true); });
  socket.on("error", () => resolve(false));
});
async function stop() {
  const pid = mainPid();
  if (pid) try { process.kill(-pid, "SIGKILL"); } catch {}
  for (let tries = 0; tries < 500 && (alive(pid) || (await answers(units[unit].port))); tries += 1) await sleep(10);
  rmSync(pidFile, { force: true });
}
async function restart() {
  appendFileSync(folder + "/systemctl.log", unit + "\n");
  while (units[unit].hangs) {
    if (!existsSync(folder + "/units.json")) process.exit(1);
    await sleep(200);
  }
  await stop();
  const env = { PATH: process.env.PATH, HOST_FOLDER: folder, PORT: String(units[unit].port), PROCESSES: String(units[unit].processes), ...parseEnv(readFileSync(envFile, "utf8")) };
  const log = openSync(folder + "/journal.log", "a");
  const child = spawn(process.execPath, [realpathSync(appDir + "/current") + "/app.mjs"], { env, detached: true, stdio: ["ignore", log, log] });
  let ended = false;
  child.on("exit", () => { ended = true; });
  writeFileSync(pidFile, String(child.pid));
  for (let tries = 0; tries < 500 && !ended; tries += 1) {
    if (await answers(units[unit].port)) process.exit(0);
    await sleep(20);
  }
  process.exit(1);
}
function show() {
  const pid = mainPid();
  const shown = units[unit]?.forking ? 0 : pid;
  const since = pid ? new Date(Number(require("node:fs").statSync(pidFile).mtime)).toISOString().replace("T", " ").slice(0, 19) : "";
  const known = unit in units;
  console.log("MainPID=" + shown + "\nLoadState=" + (known ? "loaded" : "not-found") + "\nActiveState=" + (pid ? "active" : "inactive"));
  console.log("ActiveEnterTimestamp=" + (since && "Tue " + since + " UTC") + "\nKillMode=" + (units[unit]?.killMode ?? "mixed") + "\nTimeoutStopUSec=" + (units[unit]?.stop ?? "10s"));
}
// As with systemd, the job is not the client's: it goes on when that is killed, and another one for the unit waits.
function ask() {
  const job = ["-o", folder + "/" + unit + ".job", process.execPath, __filename, "job", unit];
  spawn("flock", job, { detached: true, stdio: "ignore" }).on("exit", (code) => {
    if (code !== 0) console.error("Job for " + unit + " failed because the process exited.");
    process.exit(code ?? 1);
  });
}
if (verb === "restart") ask();
else if (verb === "job") restart();
else if (verb === "show")
  words.filter((word) => !word.startsWith("-")).forEach((name, index) => {
    unit = name;
    pidFile = folder + "/" + name + ".pid";
    if (index > 0) console.log("");
    show();
  });
else if (verb === "stop") stop();
`;

export type ServedHost = Host & { folder: string };

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A host with a web service of two processes and a worker, not started yet. */
export async function makeServedHost(
  name: string,
  options: { silentWorker?: true } = {},
): Promise<ServedHost> {
  const host = makeHost(name);
  const [web, worker] = [await freePort(), await freePort()];
  const health = (port: number) => `http://127.0.0.1:${port}/health`;
  const services: Service[] = [
    { unit: "web", kind: "web", processes: 2, health: health(web), socket: "web.socket" },
    {
      unit: "worker",
      kind: "worker",
      processes: 1,
      ...(options.silentWorker ? {} : { health: health(worker) }),
    },
  ];
  const killMode = options.silentWorker ? "control-group" : "mixed";
  const units = { web: { port: web, processes: 2 }, worker: { port: worker, processes: 1, killMode } };
  writeFileSync(
    join(host.folder, "units.json"),
    JSON.stringify({ appDir: host.appDir, envFile: host.envFile, units }),
  );
  putProgram(host, "systemctl", SYSTEMCTL);
  mkdirSync(join(host.appDir, "releases"), { recursive: true });
  return { ...host, services };
}

/** Ends what runs on the host. */
export function killServices({ folder }: ServedHost): void {
  for (const unit of ["web", "worker"])
    try {
      process.kill(-Number(readFileSync(join(folder, `${unit}.pid`), "utf8")), "SIGKILL");
    } catch {
      // It does not run.
    }
}
