/**
 * A writer as a supervisor keeps it: `start|stop <folder> <url>`, each of which may find it done. What was asked of it
 * is kept in `<folder>/asked`, with the flag as it was seen then. `run` is the writer itself.
 */
import { spawn } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

const [verb, folder, url] = process.argv.slice(2);
const file = (name) => join(folder, name);

function livePid() {
  const pid = existsSync(file("pid")) ? Number(readFileSync(file("pid"), "utf8")) : 0;
  try {
    process.kill(pid || -1e9, 0);
    return pid;
  } catch {
    return undefined;
  }
}

async function until(met) {
  while (!met()) await sleep(10);
}

async function start() {
  if (livePid()) return;
  rmSync(file("ready"), { force: true });
  // A session of its own, as a supervisor gives it: it outlives the command that asked for it.
  const child = spawn(process.execPath, [process.argv[1], "run", folder, url], {
    detached: true,
    stdio: "ignore",
  });
  writeFileSync(file("pid"), String(child.pid));
  child.unref();
  await until(() => existsSync(file("ready")));
}

async function stop() {
  const pid = livePid();
  if (pid) process.kill(pid, "SIGTERM");
  await until(() => livePid() === undefined);
}

async function run() {
  const client = new pg.Client({ connectionString: url, application_name: "test-writer" });
  await client.connect();
  writeFileSync(file("ready"), "");
  for (;;) {
    // Writes a row, and leaves it as it is.
    await client.query("UPDATE deals SET budget = budget WHERE id = (SELECT min(id) FROM deals)");
    await sleep(20);
  }
}

if (verb === "run") await run();
else {
  appendFileSync(file("asked"), `${verb} ${existsSync(file("flag")) ? "flag up" : "flag down"}\n`);
  // A test that wants to kill the step here leaves a file of that name.
  if (existsSync(file(`hang-before-${verb}`))) await sleep(60_000);
  if (existsSync(file(`fail-${verb}`))) {
    console.error(`no right to ${verb} the unit`);
    process.exit(5);
  }
  if (!existsSync(file(`ignore-${verb}`))) await (verb === "start" ? start() : stop());
  process.exit(0);
}
