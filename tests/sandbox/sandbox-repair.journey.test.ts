import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { identify, isRunning, type ProcessIdentity } from "../../processes/process-identity.ts";
import { serverProcess } from "../../sandbox/database/server.ts";
import { readProcesses, writeProcesses } from "../../sandbox/host/process-record.ts";
import { sandboxDown, sandboxStatus, sandboxUp } from "../../sandbox/index.ts";
import { clusterFolder, sandboxPaths } from "../../sandbox/paths.ts";
import { makeCheckout, removeCheckout } from "./checkout.ts";
import { pidsOf, query } from "./processes.ts";

describe("a sandbox of which something has died", () => {
  let checkout: string;
  let lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  const hostFolder = () => join(sandboxPaths(checkout).hosts, "sandbox-a");
  const up = (deals = 500) => sandboxUp({ checkout, deals, log });

  before(async () => {
    checkout = makeCheckout();
    await up();
  });
  beforeEach(() => {
    lines = [];
  });
  after(() => removeCheckout(checkout));

  it("is restarted where it has died, and only there", async () => {
    const before = await pidsOf(checkout);
    const postmaster = serverProcess(clusterFolder(sandboxPaths(checkout)));
    process.kill(postmaster?.pid ?? 0, "SIGINT");
    while (postmaster && isRunning(postmaster)) await sleep(20);
    assert.equal((await sandboxStatus({ checkout })).database, "stopped");
    await up();
    assert.deepEqual(lines, ["starting PostgreSQL"]);
    assert.deepEqual(await pidsOf(checkout), before);
    assert.equal((await sandboxStatus({ checkout })).hosts[0]?.units[0]?.processes[0]?.database, "ok");
  });

  it("has its balancer back where that has died, at the same address", async () => {
    const { app } = await up();
    const record = readFileSync(join(sandboxPaths(checkout).balancer, "process.json"), "utf8");
    const { process: balancer } = JSON.parse(record) as { process: ProcessIdentity };
    process.kill(balancer.pid, "SIGKILL");
    while (isRunning(balancer)) await sleep(20);
    assert.equal((await sandboxStatus({ checkout })).balancer, "stopped");
    lines = [];
    assert.equal((await up()).app, app);
    assert.deepEqual(lines, ["starting the balancer before 2 hosts"]);
    assert.equal((await fetch(`${app}/health`)).status, 200);
  });

  it("replaces a web process that was killed, while the address goes on answering", async () => {
    const [victim = 0, ...others] = await pidsOf(checkout);
    process.kill(victim, "SIGKILL");
    let now: number[] = [];
    for (let tries = 0; tries < 100 && (now.length < 6 || now.includes(victim)); tries += 1) {
      await sleep(50);
      now = await pidsOf(checkout);
    }
    assert.equal(now.length, 6);
    for (const pid of others) assert.ok(now.includes(pid));
  });

  it("leaves no process behind when its supervisor is killed, and comes up again", async () => {
    const record = readProcesses(hostFolder());
    assert.ok(record);
    process.kill(record.supervisor.pid, "SIGKILL");
    for (let tries = 0; tries < 100 && record.children.some(isRunning); tries += 1) await sleep(50);
    assert.ok(!record.children.some(isRunning));
    const status = await sandboxStatus({ checkout });
    assert.equal(status.described, true);
    assert.deepEqual([status.hosts[0]?.supervisor, status.hosts[0]?.units[0]?.processes], ["stopped", []]);
    await up();
    assert.equal((await pidsOf(checkout)).length, 6);
  });

  it("never signals a stranger that was given the number of one of its processes", async () => {
    await sandboxDown({ checkout, log });
    const stranger = execa(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { reject: false });
    const pid = stranger.pid ?? 0;
    const old = { pid, started: "1@another-boot" };
    writeProcesses(hostFolder(), { supervisor: old, children: [{ ...old, unit: "diligence-web" }] });
    const data = join(clusterFolder(sandboxPaths(checkout)), "data");
    writeFileSync(join(data, "postmaster.pid"), `${pid}\n${data}\n1\n5432\n`);
    await sandboxDown({ checkout, log });
    await up();
    await sandboxDown({ checkout, log });
    assert.ok(identify(pid), "the stranger was ended");
    stranger.kill("SIGKILL");
    await stranger;
  });

  it("begins the seed anew when an earlier one was cut off", async () => {
    await sandboxDown({ checkout, log });
    const { startServer } = await import("../../sandbox/database/server.ts");
    const { adminUrl } = await startServer(sandboxPaths(checkout), log);
    await query(adminUrl, "ALTER DATABASE diligence RENAME TO diligence_unfinished");
    const { database } = await up(400);
    assert.deepEqual(await query(database, "SELECT count(*)::int FROM deals"), [{ count: 400 }]);
  });

  it("begins with data of its own where a checkout was removed and cloned again", () => {
    const paths = sandboxPaths(makeCheckout("removed"));
    const begin = () => {
      mkdirSync(paths.folder);
      return clusterFolder(paths);
    };
    const first = begin();
    mkdirSync(first, { recursive: true });
    assert.equal(clusterFolder(paths), first);
    rmSync(paths.folder, { recursive: true });
    const second = begin();
    assert.ok(!existsSync(second), second);
    rmSync(first, { recursive: true, force: true });
    rmSync(paths.checkout, { recursive: true });
  });

  it("ends by itself when its folder is removed", async () => {
    await up();
    const record = readProcesses(hostFolder());
    rmSync(sandboxPaths(checkout).hosts, { recursive: true });
    for (let tries = 0; tries < 200 && record && isRunning(record.supervisor); tries += 1) await sleep(50);
    assert.ok(record && ![record.supervisor, ...record.children].some(isRunning));
  });
});
