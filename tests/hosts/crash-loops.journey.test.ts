import { deepEqual, equal, match, ok } from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Service } from "../../config/target.ts";
import { localShell } from "../../hosts/local-shell.ts";
import { readPropagation } from "../../hosts/propagation.ts";
import { type HostRestart, restartInWaves } from "../../hosts/restart-waves.ts";
import { SystemdMachine } from "../systemd/machine.ts";

const SHA = "a".repeat(40);
const OTHER = "b".repeat(40);
const PLACE = { backend: "env-file" as const, variable: "FLAG" };
const WANTED = { release: SHA, flag: true };

/** Ways in which a service is no proof of running: the unit's lines, what is said, and whether that is certain at once. */
const BROKEN: [string, string[], RegExp, boolean][] = [
  [
    "whose process dies at start",
    ["ExecStart=/bin/sh -c 'echo no module named x, password=hunter2; exit 3'", "Restart=on-failure"],
    /(?:unit crash-loops|failed, by exit-code).*journal of broken: .*no module named x, password=\*\*\*/,
    true,
  ],
  [
    "whose process dies after two seconds",
    ["ExecStart=/bin/sh -c 'sleep 2; echo lost the broker; exit 3'", "Restart=on-failure"],
    /unit crash-loops: .*journal of broken: .*lost the broker/,
    true,
  ],
  [
    "that dies at every other start",
    [
      "ExecStart=/bin/sh -c 'if [ -e /run/once ]; then rm /run/once; exec sleep 1000; else touch /run/once; exit 3; fi'",
      "Restart=always",
    ],
    /unit crash-loops/,
    true,
  ],
  [
    "that waits long between its tries",
    ["ExecStart=/bin/false", "Restart=always", "RestartSec=30"],
    /unit crash-loops: systemd has it as activating \(auto-restart\), by exit-code/,
    true,
  ],
  [
    "whose ExecStartPost fails",
    ["ExecStart=/bin/sleep 1000", "ExecStartPost=/bin/sh -c 'echo migrations are missing; exit 1'"],
    /got a failure of systemctl restart.*journal of broken: .*migrations are missing/,
    true,
  ],
  [
    "that is not started again",
    ["ExecStart=/bin/sh -c 'sleep 0.3; exit 3'"],
    /systemd has it as failed, by exit-code/,
    true,
  ],
  ["of Type=oneshot that ends", ["Type=oneshot", "ExecStart=/bin/true"], /Type=oneshot ran and ended/, true],
  [
    "of Type=oneshot that remains without a process",
    ["Type=oneshot", "RemainAfterExit=yes", "ExecStart=/bin/true"],
    /active \(exited\), and none of its processes runs/,
    true,
  ],
  [
    "whose workers die under a master that lives",
    ["ExecStart=/bin/sh -c 'while true; do sleep 0.5; done'"],
    /1 of 2 processes have run for 3 s/,
    false,
  ],
];

/** Processes that run, and what the host can tell of them. */
const RUNNING: [string, string[], Record<string, unknown>][] = [
  ["that is as it should be", ["ExecStart=/bin/sleep 1000"], { release: SHA, flag: true }],
  [
    "of Type=forking without a main process",
    ["Type=forking", "GuessMainPID=no", "ExecStart=/bin/sh -c 'sleep 1000 & sleep 1000 &'"],
    { release: SHA, flag: true },
  ],
  [
    "that runs as another user, with its workers",
    ["User=nobody", "ExecStart=/bin/sh -c 'sleep 1000 & sleep 1000'"],
    { release: SHA, flag: true },
  ],
  [
    "whose environment is emptied by a wrapper",
    ["ExecStart=/usr/bin/env -u FLAG sleep 1000"],
    { release: SHA, flag: "unknown" },
  ],
  [
    "whose title is written over its environment",
    ["ExecStart=/usr/bin/perl -e '$$0 = \"worker \" x 500; sleep 1000'"],
    { release: SHA, flag: "unknown" },
  ],
  [
    "that reads the file itself",
    ["EnvironmentFile=", "ExecStart=/bin/sleep 1000"],
    { release: SHA, flag: "unknown" },
  ],
  [
    "that works elsewhere",
    ["WorkingDirectory=/", "ExecStart=/bin/sleep 1000"],
    { release: "unknown", flag: true },
  ],
];

describe("a service on a real systemd", function () {
  this.timeout(240_000);
  let machine: SystemdMachine;

  before(async function () {
    const reason = SystemdMachine.missing();
    if (reason) {
      console.warn(`      SKIPPED: ${reason}`);
      this.skip();
    }
    machine = await SystemdMachine.boot();
    machine.write("/srv/env", "FLAG=true\n");
    for (const sha of [SHA, OTHER]) machine.write(`/srv/app/releases/${sha}/app.txt`, "");
    await machine.run(`ln -sfn releases/${SHA} /srv/app/current`);
  });
  after(async () => machine?.stop());

  async function install(lines: readonly string[], unit = "broken"): Promise<void> {
    const own = ["WorkingDirectory=/srv/app/current", "EnvironmentFile=/srv/env"];
    machine.write(`/etc/systemd/system/${unit}.service`, ["[Service]", ...own, ...lines, ""].join("\n"));
    await machine.run(`systemctl stop ${unit}; rm -f /run/once; systemctl daemon-reload`);
  }

  const hostOf = (unit: string, more: Partial<Service> = {}) => ({
    ...{ name: "h", path: machine.path, appDir: "/srv/app", envFile: "/srv/env" },
    services: [{ unit, kind: "worker" as const, processes: 1, ...more }],
  });

  const reader = () => ({ shell: localShell, signal: new AbortController().signal });

  async function restart(
    unit: string,
    more: Partial<Service> = {},
    { goOn = false, timeoutSeconds = 25 } = {},
  ): Promise<HostRestart> {
    const [done] = await restartInWaves(
      {
        hosts: [hostOf(unit, more)],
        ...{ place: PLACE, wantedOn: () => WANTED, goOn, log: () => undefined },
        restart: {
          ...{ maxUnavailable: 1, timeoutSeconds, stableSeconds: 3 },
          ...{ zeroFailures: false, drainTimeoutSeconds: 1 },
        },
      },
      { ...reader(), token: 1 },
    );
    return done as HostRestart;
  }

  for (const [what, lines, reason, atOnce] of BROKEN)
    it(`is not proven by one ${what}${atOnce ? ", and nobody waits for it" : ""}`, async () => {
      await install(lines);
      const begin = performance.now();
      const done = await restart("broken", { processes: 2 }, { timeoutSeconds: atOnce ? 25 : 5 });
      deepEqual([done.state, done.processes], ["failed", []], JSON.stringify(done));
      match(done.reason ?? "", reason);
      if (atOnce) ok(performance.now() - begin < 20_000, "it waited to the end");
      ok(!/hunter2/.test(done.reason ?? ""), "a secret of the journal is in the message");
    });

  for (const [what, lines, facts] of RUNNING)
    it(`is proven, as far as the host can tell, by one ${what}`, async () => {
      await install(lines);
      const { state, processes, units, reason } = await restart("broken");
      equal(state, "proven", reason);
      ok(processes.length >= 1);
      for (const { by, release, flag, reason: why } of processes) {
        deepEqual({ by, release, flag }, { by: "process", ...facts });
        match(why ?? "", /^it has no health address/);
      }
      deepEqual([units?.[0]?.restarts, /^[0-9a-f]{32}$/.test(units?.[0]?.invocation ?? "")], [0, true]);
    });

  /** A service that answers so at its health address; `%` is its own number. */
  async function serve(body: string, status: number, livesMs = 1e8): Promise<number> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, "close");
    const said = `${JSON.stringify(body)}.replace("%", String(process.pid))`;
    const answer = body === "" ? "" : `s.statusCode = ${status}; s.end(${said})`;
    const script = `require("node:http").createServer((q, s) => { ${answer} }).listen(${port}, "127.0.0.1");`;
    machine.write("/srv/serve.js", `${script} setTimeout(() => process.exit(3), ${livesMs});`);
    await install([`ExecStart=${process.execPath} /srv/serve.js`, "Restart=always"]);
    return port;
  }

  const told = { release: SHA.slice(0, 8), flag: "on", startedAt: "2099-01-01T00:00:00Z" };
  for (const [what, body, status, by] of [
    [
      "500 with all that is asked for",
      JSON.stringify({ ...told, pid: "%", database: "down" }),
      500,
      "health",
    ],
    ["500 and a stack trace", "Traceback (most recent call last)", 500, "process"],
    ["503 and a page", "<html>maintenance</html>", 503, "process"],
    ["nothing within its time", "", 0, "process"],
  ] as const)
    it(`is proven on the way back, by what can be had, when its address answers ${what}`, async () => {
      const health = `http://127.0.0.1:${await serve(body, status)}/health`;
      const { state, processes, reason } = await restart("broken", { health }, { goOn: true });
      equal(state, "proven", reason);
      deepEqual(
        processes.map(({ by, release, flag }) => ({ by, release, flag })),
        [{ by, release: SHA, flag: true }],
      );
      if (by === "process") match(processes[0]?.reason ?? "", /^its health address: /);
    });

  it("is not proven when it says all that is asked for, and dies two seconds later", async () => {
    const health = `http://127.0.0.1:${await serve(JSON.stringify({ ...told, pid: "%" }), 200, 2_000)}/health`;
    const { state, reason = "" } = await restart("broken", { health });
    equal(state, "failed");
    match(reason, /unit crash-loops/);
  });

  it("is not proven so on the way forward, where status, kind and start of the answer are told", async () => {
    const health = `http://127.0.0.1:${await serve("<html>no database</html>", 500)}/health`;
    const { state, reason = "" } = await restart("broken", { health }, { timeoutSeconds: 1 });
    equal(state, "failed");
    match(
      reason,
      /broken on h: expected JSON with .*, got HTTP 500, no content type that begins with "<html>/,
    );
    match(reason, /\(docs\/health\.md\)/);
  });

  it("is proven by its process where its address says OK and the configuration says that this is all", async () => {
    const health = `http://127.0.0.1:${await serve("OK", 200)}/health`;
    const healthFields = { release: false, flag: false, pid: false, startedAt: false } as const;
    const { processes, reason } = await restart("broken", { health, healthFields });
    deepEqual([processes[0]?.by, processes[0]?.release, processes[0]?.flag], ["process", SHA, true], reason);
  });

  it("does not pass on the way back either, where nothing waits between the hosts", async () => {
    await install(["ExecStart=/bin/sh -c 'sleep 2; exit 3'", "Restart=on-failure"]);
    const done = await restart("broken", {}, { goOn: true });
    equal(done.state, "failed");
    match(done.reason ?? "", /unit crash-loops/);
  });

  for (const [what, lines, said] of [
    [
      "fails at once",
      ["ExecStart=/bin/sleep 9", "ExecStartPost=/bin/sh -c 'echo no table x; exit 1'"],
      /no table x/,
    ],
    [
      "never says that it is ready",
      ["Type=notify", "TimeoutStartSec=2", "ExecStart=/bin/sleep 1000"],
      /timeout/,
    ],
  ] as const)
    it(`keeps no other unit from its restart on the way back when it ${what}, nor the way back itself`, async () => {
      await install(["ExecStart=/bin/sleep 1000"], "app@1");
      await machine.run("systemctl restart app@1");
      const pid = () => machine.run("systemctl show -p MainPID --value app@1");
      const before = await pid();
      await install(lines);
      const host = hostOf("broken");
      const worker = { unit: "app@1", kind: "worker" as const, processes: 1 };
      const [done] = await restartInWaves(
        {
          hosts: [{ ...host, services: [...host.services, worker] }],
          ...{ place: PLACE, wantedOn: () => WANTED, goOn: true, provesOrNot: true, log: () => undefined },
          restart: {
            ...{ maxUnavailable: 1, timeoutSeconds: 25, stableSeconds: 1 },
            ...{ zeroFailures: false, drainTimeoutSeconds: 5 },
            ...{ drain: ["touch", "/run/drained"], undrain: ["rm", "-f", "/run/drained"] },
          },
        },
        { ...reader(), token: 1 },
      );
      equal(done?.state, "not proven", done?.reason);
      await machine.run("test -e /run/drained && rm /run/drained");
      match(done?.reason ?? "", /It stays out of the load balancer\.$/);
      match(
        done?.reason ?? "",
        /got: systemctl restart broken failed: Job for broken\.service failed because .*; broken on h: /,
      );
      match(done?.reason ?? "", said);
      ok((await pid()) !== before, "the other unit runs what it ran before");
    });

  it("is a straggler with another release, or with a process that outlived the restart", async () => {
    await install(["ExecStart=/bin/sleep 1000"]);
    await machine.run(`ln -sfn releases/${OTHER} /srv/app/current`);
    const soon = { timeoutSeconds: 2 };
    match(
      (await restart("broken", {}, soon)).reason ?? "",
      /straggler: the host sees release b{12}, flag on/,
    );
    await machine.run(`ln -sfn releases/${SHA} /srv/app/current`);
    await install(["KillMode=process", "ExecStart=/bin/sh -c 'sleep 1000 & exec sleep 1000'"]);
    await restart("broken");
    match((await restart("broken", {}, soon)).reason ?? "", /straggler: it runs since before the restart/);
    await machine.run("systemctl kill -s KILL broken");
  });

  it("is told later when systemd has to start it again, or has started it anew", async () => {
    await install(["ExecStart=/usr/bin/env -u FLAG sleep 1000", "Restart=always"]);
    const { units = [] } = await restart("broken");
    const look = () =>
      readPropagation(hostOf("broken"), { wanted: WANTED, place: PLACE, proven: units }, reader());
    deepEqual((await look()).faults, []);
    await machine.run("systemctl kill -s KILL broken");
    await machine.run("until systemctl is-active -q broken; do sleep 0.1; done; sleep 0.3");
    match((await look()).faults.join(), /^broken on h: unit crash-loops: 1 restart since it was proven/);
    await machine.run("systemctl restart broken");
    match(
      (await look()).faults.join(),
      /pid \d+ is not the process that was proven: systemd has started the unit anew \(.*FLAG/,
    );
  });
});
