import { deepEqual, equal, match, ok } from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import pg from "pg";
import { type Status, StatusContract } from "../../cli/status/contract.ts";
import { readStatus } from "../../cli/status/read-status.ts";
import { renderStatus } from "../../cli/status/render.ts";
import { exitCodeFor } from "../../cli/status.ts";
import { MaintenanceSection } from "../../config/maintenance.ts";
import { StepError } from "../../errors/step-error.ts";
import { Chain } from "../../ledger/chain.ts";
import { freePort } from "../../postgres/backup/cluster.ts";
import { connect } from "../../postgres/connect.ts";
import { acquireLease } from "../../postgres/lease.ts";
import { openMaintenance } from "../../postgres/migration/maintenance-record.ts";
import { validValues } from "../config/valid-values.ts";
import { createDatabase } from "../database.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const servers: Server[] = [];

/** Status of a production stack with fresh evidence. */
async function statusOf(changed: Record<string, unknown>): Promise<Status> {
  const folder = temporaryFolder("status");
  const values = validValues({ phase: "0", evidence: { url: `file:${folder}` }, ...changed });
  const status = await readStatus("prod", async (stack) => ({ values, stack }));
  StatusContract.parse(status);
  return status;
}

function hostsWith(health: string, processes: number) {
  const services = [{ unit: "diligence-web", kind: "web", processes, health }];
  return [{ name: "web-1", appDir: "/opt/d", envFile: "/opt/d/.env", services }];
}

/** Answers each request as the next of these processes. */
async function serveHealth(...answers: object[]): Promise<string> {
  let asked = 0;
  const server = createServer((_, response) =>
    response.end(JSON.stringify(answers[asked++ % answers.length])),
  );
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/health`;
}

async function seededDatabase(): Promise<string> {
  const url = await createDatabase("status");
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`
    CREATE TABLE deals (id bigint PRIMARY KEY, deal_type text);
    INSERT INTO deals VALUES (1, NULL), (2, NULL), (3, 'carve-out'), (4, 'joint venture'), (5, 'acquisition');
    ALTER TABLE deals ADD CONSTRAINT valid_deal_type CHECK (deal_type <> 'x') NOT VALID`);
  await client.end();
  return url;
}

const NOT_PROVEN = [{ object: "view public.v", reason: "needs extension x" }];

/** Evidence in which phase 0's backup is done, and a proof of the backup with that sum. */
function evidenceOf(proven: string): string {
  const folder = temporaryFolder("status");
  const chain = Chain.open(folder);
  const done = (kind: string, result: Record<string, unknown>) => {
    const fields = { phase: "pre-flight", step: kind, kind, verb: "apply" as const };
    const begin = { digest: "d".repeat(64), generation: 1, spec: {}, will: [] };
    const { number } = chain.append({ record: "begin", ...fields, ...begin });
    chain.append({ record: "end", ...fields, begin: number, outcome: "done", result });
  };
  done("backup", { path: "backups/b", sha256: "ab".repeat(32), provenAt: null });
  const seconds = { restoreSeconds: 1, compareSeconds: 1 };
  done("restore-proof", {
    ...{ sha256: proven, provenAt: "2026-01-02T03:04:05.000Z", ...seconds, notProven: NOT_PROVEN },
  });
  return `file:${folder}`;
}

describe("rollout status", () => {
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  it("tells what undos have left: from the database, and from the evidence where it is down or of hosts", async () => {
    const folder = temporaryFolder("status");
    const chain = Chain.open(folder);
    const thing = {
      reason: "CHECK late refuses it",
      code: "23514",
      remedy: "Correct the row.",
      count: 2,
      keys: ["1", "2"],
    };
    const rows = { step: "migration", subject: "2 rows of deals.deal_type", ...thing };
    const host = { step: "env-flag", subject: "web-1", ...thing, code: null, count: 1, keys: [] };
    for (const [kind, left] of [
      ["env-flag", [host]],
      ["migration", [rows]],
    ] as const) {
      const fields = { phase: "database-migration", step: kind, kind, verb: "undo" as const };
      const { number } = chain.append({
        record: "begin",
        ...fields,
        digest: "d".repeat(64),
        generation: 1,
        spec: {},
        will: [],
      });
      chain.append({ record: "end", ...fields, begin: number, outcome: "done", result: { left } });
    }
    const evidence = { url: `file:${folder}` };
    const down = await statusOf({ databaseUrl: `postgres://u@127.0.0.1:${await freePort()}/d`, evidence });
    deepEqual(down.left, [host, rows]);
    const shown = renderStatus(down).join("\n");
    match(shown, /^LEFT +3 as before the undo: nothing new begins until that is settled$/m);
    match(
      shown,
      /migration: 2 rows of deals\.deal_type \(1, 2\): CHECK late refuses it \(SQLSTATE 23514\)\. Correct the row\.$/m,
    );
    match(shown, /npx rollout undo --left --accept "reason" --stack prod$/m);
    // The database holds nothing of it any more: its word wins.
    deepEqual((await statusOf({ databaseUrl: await seededDatabase(), evidence })).left, [host]);
  });

  it("names the backup that was taken last, also where the clock went back a day in between", async () => {
    const folder = temporaryFolder("status");
    const chain = Chain.open(folder);
    for (const [phase, day] of [
      ["pre-flight", 2],
      ["database-migration", 1],
    ] as const) {
      const [fields, at] = [
        { phase, step: "backup", kind: "backup", verb: "apply" as const },
        new Date(day * 86_400_000),
      ];
      const begin = { digest: "d".repeat(64), generation: 1, spec: {}, will: [] };
      const { number } = chain.append({ record: "begin", ...fields, ...begin }, at);
      const result = { path: `backups/${phase}`, sha256: "ab".repeat(32) };
      chain.append({ record: "end", ...fields, begin: number, outcome: "done", result }, at);
    }
    const { backup } = await statusOf({ evidence: { url: `file:${folder}` } });
    equal(backup?.path, "backups/database-migration");
  });

  it("says when the backup was proven, and does not take another's proof for its own", async () => {
    const [own, strange] = [evidenceOf("ab".repeat(32)), evidenceOf("cd".repeat(32))];
    const backup = { path: "backups/b", sha256: "ab".repeat(32) };
    const status = await statusOf({ evidence: { url: own } });
    deepEqual(status.backup, { ...backup, provenAt: "2026-01-02T03:04:05.000Z", notProven: NOT_PROVEN });
    const unproven = (await statusOf({ evidence: { url: strange } })).backup;
    deepEqual(unproven, { ...backup, provenAt: null, notProven: [] });
  });

  it("names what the proof left out, beside the backup and beside the gate that takes it", async () => {
    const status = await statusOf({ evidence: { url: evidenceOf("ab".repeat(32)) } });
    const lines = renderStatus(status);
    ok(lines.includes("            not proven: view public.v (needs extension x)"), lines.join("\n"));
    const accepted = ["pre-flight/restore-proof: not proven: view public.v (needs extension x)"];
    deepEqual(status.gates[0]?.accepted, accepted);
    const gates = [{ phase: 0, met: true, missing: [], accepted, recorded: false }];
    deepEqual(renderStatus({ ...status, gates, errors: [] }).slice(-2), [
      "gate 0      met, in spite of what was left out:",
      `            ${accepted[0]}`,
    ]);
  });

  it("keeps its contract when database and services are down: nulls, and each reason in errors", async () => {
    const port = await freePort();
    const status = await statusOf({
      databaseUrl: `postgres://owner:canary@127.0.0.1:${port}/diligence`,
      hosts: hostsWith(`http://127.0.0.1:${port}/health`, 2),
    });
    equal(status.rows, null);
    equal(status.constraint, null);
    deepEqual(status.phase, { wanted: 0, actual: null });
    equal(status.mode, "advance");
    deepEqual(status.flag, { wanted: true, workers: [], proven: null });
    ok(
      status.errors.some((error) =>
        /expected a connection to 127\.0\.0\.1:\d+, database diligence, got a refused connection/.test(error),
      ),
    );
    ok(
      status.errors.includes(
        `status: expected 2 processes of diligence-web on web-1 at http://127.0.0.1:${port}/health, got: connection refused. ` +
          "Start the service, or look at its log.",
      ),
    );
    equal(JSON.stringify(status).includes("canary"), false);
  });

  it("says since when writers are stopped that a killed run did not start again, and what starts them", async () => {
    const databaseUrl = await seededDatabase();
    equal((await statusOf({ databaseUrl })).maintenance, null);
    const client = await connect(databaseUrl);
    const lease = await acquireLease(() => connect(databaseUrl), { holder: "test", log: () => undefined });
    const start = ["systemctl", "start", "diligence-web"];
    const section = MaintenanceSection.parse({ stop: ["systemctl", "stop", "diligence-web"], start });
    await openMaintenance(client, lease, section);
    const status = await statusOf({ databaseUrl });
    deepEqual(status.maintenance?.start, start);
    match(
      renderStatus(status).join("\n"),
      /writers {5}STOPPED since 20\S+Z \(npx rollout up, or a lower phase, starts them: systemctl start diligence-web\)/,
    );
    await lease.release();
    await client.end();
  });

  it("keeps its contract when the configuration cannot be read or is faulty", async () => {
    const unread = await readStatus("prod", async () => {
      throw new StepError("config: no stack");
    });
    StatusContract.parse(unread);
    deepEqual(unread.errors, ["config: no stack"]);
    equal(unread.configValid, false);
    const faulty = await statusOf({ phase: "9", flag: "maybe" });
    deepEqual(
      [faulty.phase.wanted, faulty.flag.wanted, faulty.mode, faulty.configValid],
      [null, null, null, false],
    );
    deepEqual(
      faulty.errors.filter((error) => /^config: .*(phase|flag)/.test(error)).length,
      2,
      faulty.errors.join("\n"),
    );
  });

  it("shows evidence, gates, the flag's last proof, processes and rows also when the configuration is faulty", async () => {
    const worker = { pid: 11, startedAt: "2026-01-01T00:00:00.000Z", release: "a".repeat(40), flag: true };
    const hosts = hostsWith(await serveHealth({ ...worker, database: "ok" }), 1);
    const url = evidenceOf("ab".repeat(32));
    const chain = Chain.open(url.slice("file:".length));
    const restart = (verb: "apply" | "undo", result: Record<string, unknown>) => {
      const fields = { phase: "code-deployment", step: "closing-restart", kind: "service-restart", verb };
      const begin = { digest: "d".repeat(64), generation: 1, spec: {}, will: [] };
      const { number } = chain.append({ record: "begin", ...fields, ...begin });
      chain.append({ record: "end", ...fields, begin: number, outcome: "done", result });
    };
    const processes = [worker, { ...worker, pid: 12 }];
    restart("apply", { hosts: [{ host: "web-1", processes }] });
    // It owns nothing any more: it proved nothing.
    restart("apply", { hosts: [], supersededBy: "validation env-flag" });
    const databaseUrl = await seededDatabase();
    const status = await statusOf({ phase: "9", evidence: { url }, databaseUrl, hosts });
    deepEqual([status.configValid, status.environment, status.phase.wanted], [false, "production", null]);
    match(status.errors[0] ?? "", /^config: expected .*phase/);
    equal(status.backup?.path, "backups/b");
    deepEqual([status.flag.workers.length, status.rows?.total, status.constraint?.present], [1, 5, true]);
    const { value, release, processes: number } = status.flag.proven ?? {};
    deepEqual([value, release, number], [true, "a".repeat(40), 2]);
    deepEqual(
      status.gates.map(({ phase, met, recorded }) => [phase, met, recorded]),
      [
        [0, false, true],
        [2, false, true],
      ],
    );
    match(
      status.gates[0]?.missing.join("\n") ?? "",
      /^pre-flight\/data-audit: expected done in this attempt, got never run$/m,
    );
    const lines = renderStatus(status).join("\n");
    match(lines, /^config +FAULTY or unread/m);
    match(lines, /^ +last proven \S+Z: flag on, by 2 processes of release a{12}$/m);
    match(lines, /^gate 0 +not met: phase 0 \(pre-flight\) is not begun/m);
    restart("undo", { summary: "", kept: [], processes: [{ ...worker, flag: null }] });
    const back = await statusOf({ phase: "9", evidence: { url } });
    deepEqual([back.flag.proven?.value, back.flag.proven?.processes], [null, 1]);
    // One that nobody could ask takes nothing from what the others said.
    const seen = { pid: 13, startedAt: worker.startedAt, by: "process", reason: "it has no health address" };
    const asked = { ...worker, by: "health" };
    restart("apply", {
      hosts: [
        {
          host: "web-1",
          processes: [asked, { ...asked, pid: 12 }, { ...seen, release: worker.release, flag: "unknown" }],
        },
      ],
    });
    const mixed = await statusOf({ phase: "9", evidence: { url } });
    deepEqual(
      { ...mixed.flag.proven, at: "" },
      {
        ...{ at: "", processes: 3, value: true, release: worker.release, byHealth: 2 },
        unknown: { flag: 1, release: 0 },
      },
    );
    match(
      renderStatus(mixed).join("\n"),
      /last proven \S+Z: flag on, by 3 processes of release a{12}; 1 by the host's look alone \(weaker\), flag of 1 unknown$/m,
    );
    // As an older release of this program left it: nobody asked that one either.
    restart("undo", { summary: "", kept: [], processes: [worker, { pid: 13, startedAt: "", asked: false }] });
    const { proven } = (await statusOf({ phase: "9", evidence: { url } })).flag;
    deepEqual([proven?.value, proven?.byHealth, proven?.unknown], [true, 1, { flag: 1, release: 1 }]);
  });

  it("does not look at another store's evidence when the configuration does not say where it lies", async () => {
    const status = await statusOf({ evidence: { url: "ftp://x" } });
    deepEqual([status.phase.actual, status.backup, status.gates], [null, null, []]);
    match(status.errors.join(), /evidence\.url/);
  });

  it("ends with 1 when the configuration is faulty, and with 0 when just the target is down", async () => {
    const exitCodeOf = async (changed: object) => {
      const source = { values: validValues(changed as never), stack: "prod" };
      return exitCodeFor(await readStatus("prod", async () => source));
    };
    equal(await exitCodeOf({ phase: "9" }), 1);
    equal(await exitCodeOf({ phase: "0" }), 0);
  });

  it("keeps its contract when the sandbox does not run", async () => {
    const values = validValues({
      environment: "sandbox",
      databaseUrl: undefined,
      hosts: undefined,
      app: undefined,
    });
    const status = await readStatus("prod", async (stack) => ({ values, stack, sandbox: () => undefined }));
    StatusContract.parse(status);
    match(String(status.errors), /Start it: npx rollout sandbox up/);
  });

  it("counts rows as the contract says and reads the constraint", async () => {
    const hosts = hostsWith(await serveHealth({}), 1);
    const status = await statusOf({ databaseUrl: await seededDatabase(), hosts });
    deepEqual(status.rows, {
      total: 5,
      null: 2,
      invalid: 4,
      unmapped: 1,
      byType: { acquisition: 1, "carve-out": 1, "joint venture": 1 },
    });
    deepEqual(status.constraint, { present: true, validated: false, notNull: false });
    equal(status.gates[0]?.met, false);
  });

  it("asks until every process behind an address has said its release and flag", async () => {
    const at = "2026-01-01T00:00:00.000Z";
    const worker = (pid: number, flag: boolean | null) => ({
      pid,
      startedAt: at,
      release: "a".repeat(40),
      flag,
      database: "ok",
    });
    const health = await serveHealth(worker(11, true), worker(11, true), worker(12, null));
    const { flag } = await statusOf({ databaseUrl: await seededDatabase(), hosts: hostsWith(health, 2) });
    const common = { host: "web-1", unit: "diligence-web", startedAt: at, release: "a".repeat(40) };
    const asked = { by: "health", unknown: [], reason: null };
    deepEqual(flag.workers, [
      { ...common, ...asked, pid: 11, value: true },
      { ...common, ...asked, pid: 12, value: null },
    ]);
  });

  it("names a service of which too few processes answer, and one that answers nonsense", async () => {
    const at = "2026-01-01T00:00:00Z";
    const health = await serveHealth({ pid: 11, startedAt: at, release: "r", flag: null });
    const few = await statusOf({ databaseUrl: await seededDatabase(), hosts: hostsWith(health, 2) });
    ok(few.errors.some((error) => /expected 2 processes of diligence-web .*, got 1\./.test(error)));
    const nonsense = await statusOf({
      databaseUrl: await seededDatabase(),
      hosts: hostsWith(await serveHealth([]), 1),
    });
    ok(
      nonsense.errors.some((error) =>
        /got: HTTP 200, .* with nothing: release is not in it; flag/.test(error),
      ),
    );
  });

  it("says of a phase that is not begun just that, and not every step of it", async () => {
    const status = await statusOf({});
    const steps = ["validation/guard: expected done in this attempt, got never run"];
    const half = ["validation/archive: expected done in this attempt, got half-done"];
    const gates = [
      { phase: 3, met: false, missing: [...steps, ...half], accepted: [], recorded: false },
      { phase: 4, met: false, missing: steps, accepted: [], recorded: false },
    ];
    deepEqual(renderStatus({ ...status, gates, errors: [] }).slice(-4), [
      "gate 3      not met",
      `            ${steps[0]}`,
      `            ${half[0]}`,
      "gate 4      not met: phase 4 (validation) is not begun (1 step)",
    ]);
  });

  it("is read by a person in one screen", async () => {
    const hosts = hostsWith(await serveHealth({}), 1);
    const lines = renderStatus(await statusOf({ databaseUrl: await seededDatabase(), hosts }));
    match(lines[1] as string, /^phase +none done; phase 0 \(pre-flight\) wanted: advance$/);
    match(lines[2] as string, /^rows +5: 2 NULL, 4 to migrate, 1 unmapped$/);
  });
});
