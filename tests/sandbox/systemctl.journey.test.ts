import assert from "node:assert/strict";
import { mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { askAll } from "../../sandbox/host/health.ts";
import { switchRelease } from "../../sandbox/host/host-folder.ts";
import { type Sandbox, sandboxUp } from "../../sandbox/index.ts";
import { sandboxPaths } from "../../sandbox/paths.ts";
import { checkOutRelease, ensureRepository, type ReleaseShas } from "../../sandbox/releases/repository.ts";
import { makeCheckout, removeCheckout } from "./checkout.ts";
import { systemctl, until } from "./fleet.ts";

describe("systemctl of a sandbox's host", () => {
  let checkout: string;
  let sandbox: Sandbox;
  let host: Sandbox["hosts"][number];
  let shas: ReleaseShas;
  const run = (...args: string[]) => systemctl(host, ...args);
  const get = async (unit: string, property: string) =>
    (await run("show", unit, `--property=${property}`, "--value")).stdout;
  const serviceOf = (kind: string) => host.services.find((service) => service.kind === kind);
  const ask = (kind: string) => askAll(serviceOf(kind)?.health ?? "", serviceOf(kind)?.processes ?? 0);
  const pids = async (kind: string) => (await ask(kind)).map(({ pid }) => pid).sort();
  const journal = () => readFileSync(join(sandboxPaths(checkout).hosts, "sandbox-a/journal.log"), "utf8");

  before(async () => {
    checkout = makeCheckout();
    sandbox = await sandboxUp({ checkout, deals: 100, log: () => undefined });
    host = sandbox.hosts[0] as typeof host;
    shas = await ensureRepository(sandbox.repository);
    await checkOutRelease(sandbox.repository, shas.feature, join(host.appDir, "releases", shas.feature));
  });
  after(() => removeCheckout(checkout));

  it("restarts all processes of one unit, and says what it knows of them", async () => {
    const [web, worker] = [await pids("web"), await pids("worker")];
    assert.deepEqual(await run("restart", "diligence-web"), { stdout: "", stderr: "", exitCode: 0 });
    const now = await pids("web");
    assert.equal(new Set([...web, ...now]).size, 4);
    assert.deepEqual(await pids("worker"), worker);
    assert.ok(now.includes(Number(await get("diligence-web", "MainPID"))));
    const { stdout } = await run(
      "show",
      "diligence-web",
      "-p",
      "SubState,ActiveState,KillMode,TimeoutStopUSec,Result",
    );
    // In systemd's order, whatever the order of the question.
    const values = [
      "TimeoutStopUSec=10s",
      "Result=success",
      "KillMode=mixed",
      "ActiveState=active",
      "SubState=running",
    ];
    assert.equal(stdout, values.join("\n"));
  });

  it("tells when a unit became active, in each style", async () => {
    await run("restart", "diligence-worker");
    const seconds = (
      await run("show", "diligence-worker", "-p", "ActiveEnterTimestamp", "--value", "--timestamp=unix")
    ).stdout;
    assert.match(seconds, /^@\d{10}$/);
    const iso = new Date(Number(seconds.slice(1)) * 1000).toISOString();
    const pretty = await get("diligence-worker", "ActiveEnterTimestamp");
    assert.match(pretty, new RegExp(`^[A-Z][a-z]{2} ${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC$`));
  });

  it("lists all units in one call", async () => {
    const { stdout } = await run("list-units", "--all", "--plain", "--no-legend");
    assert.deepEqual(
      stdout.split("\n").map((line) => line.split(" ").slice(0, 4).join(" ")),
      ["diligence-web.service", "diligence-worker.service", "diligence-web.socket"].map(
        (unit) => `${unit} loaded active running`,
      ),
    );
    assert.equal((await run("list-units", "--type=socket")).stdout.split("\n").length, 1);
    const both = await run("show", "diligence-web", "diligence-worker", "-p", "Id");
    assert.equal(both.stdout, "Id=diligence-web.service\n\nId=diligence-worker.service");
  });

  it("stops and starts a service, and says so by state and exit code", async () => {
    assert.equal((await run("stop", "diligence-worker")).exitCode, 0);
    assert.deepEqual(await run("is-active", "diligence-worker"), {
      stdout: "inactive",
      stderr: "",
      exitCode: 3,
    });
    assert.deepEqual(await pids("worker"), []);
    assert.equal((await run("reload", "diligence-worker")).exitCode, 1);
    assert.equal((await run("start", "diligence-worker.service")).exitCode, 0);
    assert.deepEqual(await run("is-active", "diligence-worker"), {
      stdout: "active",
      stderr: "",
      exitCode: 0,
    });
    assert.equal((await pids("worker")).length, 1);
  });

  for (const [args, exitCode, said] of [
    [["restart", "nope"], 5, "Failed to restart nope.service: Unit nope.service not found."],
    [["start", "nope.socket"], 5, "Failed to start nope.socket: Unit nope.socket not found."],
    [["stop", "nope"], 5, "Failed to stop nope.service: Unit nope.service not loaded."],
    [["kill", "nope"], 5, "Failed to kill nope.service: Unit nope.service not found."],
    [["is-active", "nope"], 4, "inactive"],
    [["is-failed", "diligence-web"], 1, "active"],
    [["show", "nope", "-p", "LoadState"], 0, "LoadState=not-found"],
    [["restart"], 1, "Too few arguments."],
    [["dance"], 1, "Unknown command verb dance."],
    [["start", "--dance"], 1, "systemctl: Unknown option '--dance'"],
  ] as const)
    it(`answers \`${args.join(" ")}\` with exit code ${exitCode}`, async () => {
      const answer = await run(...args);
      assert.equal(answer.exitCode, exitCode);
      assert.ok((answer.stdout + answer.stderr).startsWith(said), answer.stdout + answer.stderr);
    });

  it("reads release, environment file and drop-ins at a restart, never at a reload", async () => {
    const [before, env] = [realpathSync(join(host.appDir, "current")), readFileSync(host.envFile, "utf8")];
    const pidsBefore = await pids("web");
    const flags = async () => [
      ...new Set((await ask("web")).map(({ release, flag }) => `${release} ${flag}`)),
    ];
    switchRelease(host.appDir, shas.feature);
    writeFileSync(host.envFile, `${env}DEAL_TYPE_AWARENESS=true\n`);
    assert.equal((await run("reload", "diligence-web")).exitCode, 0);
    assert.deepEqual([await pids("web"), await flags()], [pidsBefore, [`${shas.baseline} null`]]);
    assert.equal((await run("restart", "diligence-web")).exitCode, 0);
    assert.deepEqual(await flags(), [`${shas.feature} true`]);

    writeFileSync(host.envFile, env);
    const folder = `${await get("diligence-web", "FragmentPath")}.d`;
    mkdirSync(folder);
    writeFileSync(join(folder, "flag.conf"), '[Service]\nEnvironment="DEAL_TYPE_AWARENESS=true" OTHER=1\n');
    assert.equal(await get("diligence-web", "NeedDaemonReload"), "yes");
    await run("restart", "diligence-web");
    assert.deepEqual(await flags(), [`${shas.feature} false`]);
    assert.equal((await run("daemon-reload")).exitCode, 0);
    await run("restart", "diligence-web");
    assert.deepEqual(await flags(), [`${shas.feature} true`]);
    assert.equal(await get("diligence-web", "Environment"), "DEAL_TYPE_AWARENESS=true OTHER=1");

    // As systemd has it: the environment file wins over the unit's own lines.
    writeFileSync(host.envFile, `${env}DEAL_TYPE_AWARENESS=false\n`);
    await run("restart", "diligence-web");
    assert.deepEqual(await flags(), [`${shas.feature} false`]);
    rmSync(folder, { recursive: true });
    writeFileSync(host.envFile, env);
    await run("daemon-reload");
    switchRelease(host.appDir, before.split("/").at(-1) as string);
    await run("restart", "diligence-web");
    assert.deepEqual(await flags(), [`${shas.baseline} null`]);
  });

  it("runs a release whose log says as what a deal was analysed, its time first", async () => {
    const env = readFileSync(host.envFile, "utf8");
    switchRelease(host.appDir, shas.feature);
    const web = new URL(serviceOf("web")?.health ?? "");
    const logged = async (flag: string): Promise<string> => {
      writeFileSync(host.envFile, `${env}DEAL_TYPE_AWARENESS=${flag}\n`);
      await run("restart", "diligence-web");
      const file = join(host.appDir, "../log/app.log");
      const before = readFileSync(file, "utf8").length;
      assert.equal((await fetch(new URL(`/api/v1/deals/${id}/analysis`, web))).status, 200);
      return readFileSync(file, "utf8").slice(before);
    };
    const body = JSON.stringify({ name: "n", target_name: "t", deal_type: "Carve-Out " });
    const created = await fetch(new URL("/api/v1/deals", web), { method: "POST", body });
    const { id } = (await created.json()) as { id: string };
    const line = (type: string) =>
      new RegExp(`^\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z INFO deal analysed deal_id=${id} deal_type=${type}$`, "m");
    assert.match(await logged("true"), line("carveout"));
    assert.match(await logged("false"), line('"Carve-Out "'));
    writeFileSync(host.envFile, env);
    switchRelease(host.appDir, shas.baseline);
    await run("restart", "diligence-web");
  });

  it("replaces a killed process and counts it", async () => {
    await run("restart", "diligence-worker");
    const [pid] = await pids("worker");
    assert.equal((await run("kill", "-s", "KILL", "diligence-worker")).exitCode, 0);
    await until("another worker", async () => {
      const [now] = await pids("worker");
      return now !== undefined && now !== pid;
    });
    assert.equal(await get("diligence-worker", "NRestarts"), "1");
    assert.equal(await get("diligence-worker", "ActiveState"), "active");
    await run("reset-failed", "diligence-worker");
    assert.equal(await get("diligence-worker", "NRestarts"), "0");
  });

  it("says of a unit that crashes again and again what systemd says, and begins to count anew at a restart", async () => {
    const bad = "c".repeat(40);
    const folder = join(host.appDir, "releases", bad);
    mkdirSync(folder);
    // Ready, and dead half a second later.
    writeFileSync(
      join(folder, "worker.ts"),
      'process.send("ready"); setTimeout(() => process.exit(3), 500);\n',
    );
    const before = await get("diligence-worker", "InvocationID");
    switchRelease(host.appDir, bad);
    assert.equal((await run("restart", "diligence-worker")).exitCode, 0);
    const first = await get("diligence-worker", "InvocationID");
    assert.match(first, /^[0-9a-f]{32}$/);
    assert.notEqual(first, before);
    await until("a wait between two tries", async () => {
      const { stdout } = await run("show", "diligence-worker", "-p", "ActiveState,SubState,Result,MainPID");
      return stdout === "MainPID=0\nResult=exit-code\nActiveState=activating\nSubState=auto-restart";
    });
    assert.equal((await run("is-active", "diligence-worker")).exitCode, 3);
    await until("two restarts", async () => Number(await get("diligence-worker", "NRestarts")) >= 2);
    assert.notEqual(await get("diligence-worker", "InvocationID"), first);
    switchRelease(host.appDir, shas.baseline);
    assert.equal((await run("restart", "diligence-worker")).exitCode, 0);
    assert.equal(await get("diligence-worker", "NRestarts"), "0");
    assert.equal((await run("show", "diligence-worker", "-p", "SubState", "--value")).stdout, "running");
    const [pid = 0] = await pids("worker");
    const environment = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
    assert.ok(environment.includes(`INVOCATION_ID=${await get("diligence-worker", "InvocationID")}`));
  });

  it("says failed, exit code 1, of a unit whose process does not start; its address is given up, the journal says why", async () => {
    const bad = "b".repeat(40);
    const folder = join(host.appDir, "releases", bad);
    mkdirSync(folder);
    writeFileSync(join(folder, "web.ts"), 'throw new Error("this release is broken");\n');
    switchRelease(host.appDir, bad);
    const { exitCode, stderr } = await run("restart", "diligence-web");
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /^Job for diligence-web\.service failed because the control process exited .*\n.*journal\.log/,
    );
    assert.deepEqual(await run("is-active", "diligence-web", "diligence-web.socket"), {
      stdout: "failed\nfailed",
      stderr: "",
      exitCode: 3,
    });
    assert.equal(await get("diligence-web", "Result"), "exit-code");
    assert.equal(await get("diligence-web.socket", "Result"), "service-start-limit-hit");
    assert.match(journal(), /this release is broken/);
    assert.deepEqual(await pids("web"), []);
    switchRelease(host.appDir, shas.baseline);
    assert.equal((await run("restart", "diligence-web")).exitCode, 0);
    assert.equal((await pids("web")).length, 2);
  });

  it("says failed as well when there is nothing to start", async () => {
    rmSync(join(host.appDir, "current"));
    assert.equal((await run("restart", "diligence-worker")).exitCode, 1);
    assert.equal(await get("diligence-worker", "Result"), "resources");
    assert.match(journal(), /diligence-worker\.service: Failed to start: ENOENT/);
    switchRelease(host.appDir, shas.baseline);
    assert.equal((await run("start", "diligence-worker")).exitCode, 0);
  });

  it("waits for a request in hand before a process ends, and answers it", async () => {
    const { port } = new URL(serviceOf("web")?.health ?? "");
    const body = JSON.stringify({ name: "In hand", target_name: "t" });
    const status = new Promise<number | undefined>((resolve, reject) => {
      const headers = { "content-length": Buffer.byteLength(body) };
      const slow = request({ port, method: "POST", path: "/api/v1/deals", headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      slow.once("error", reject);
      slow.write(body.slice(0, 5));
      void until(
        "the unit to be stopping",
        async () => (await get("diligence-web", "ActiveState")) === "deactivating",
      ).then(() => slow.end(body.slice(5)), reject);
    });
    // The request has to be in the process's hands before the stop.
    await until("the request to be handed over", async () => (await pids("web")).length === 2);
    assert.equal((await run("restart", "diligence-web")).exitCode, 0);
    assert.equal(await status, 201);
  });

  it("kills a process that outstays the time to stop: the unit has failed by timeout", async () => {
    const { port } = new URL(serviceOf("web")?.health ?? "");
    const endless = connect(Number(port), "127.0.0.1");
    endless.on("error", () => undefined);
    endless.write("POST /api/v1/deals HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n1");
    await until("the request to be handed over", async () => (await pids("web")).length === 2);
    assert.equal((await run("stop", "diligence-web")).exitCode, 0);
    endless.destroy();
    assert.equal(await get("diligence-web", "Result"), "timeout");
    assert.deepEqual((await run("is-failed", "diligence-web")).exitCode, 0);
    assert.equal((await run("start", "diligence-web")).exitCode, 0);
  });

  it("starts a stopped service for the next connection, as long as its socket listens", async () => {
    await run("stop", "diligence-web");
    assert.equal((await run("is-active", "diligence-web.socket")).exitCode, 0);
    await until("both processes", async () => (await pids("web")).length === 2);
    await run("stop", "diligence-web.socket");
    await run("stop", "diligence-web");
    assert.deepEqual(await pids("web"), []);
    assert.equal((await run("start", "diligence-web.socket")).exitCode, 0);
    await until("both processes", async () => (await pids("web")).length === 2);
  });
});
