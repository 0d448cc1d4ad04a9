import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { ShadowSection } from "../../config/shadow.ts";
import { SmokeTestSection } from "../../config/smoke-test.ts";
import { localShell } from "../../hosts/local-shell.ts";
import type { Entry } from "../../ledger/entries.ts";
import { type ShadowInstance, startInstance } from "../../steps/shadow/shadow-instance.ts";
import { type SmokeTestSpec, smokeTest } from "../../steps/smoke-test.ts";
import { environmentToBeKilled } from "../temporary-folder.ts";
import { baseSpec, change, makeDeps, runSql } from "./preflight-deps.ts";
import { databaseOfDeals, ReleasedHost } from "./release-fixture.ts";

const SECTION = {
  create: { path: "/api/v1/deals", body: { target_name: "Nobody Ltd", employees: 12, applications: 3 } },
  analyse: { path: "/api/v1/deals/{key}/analysis" },
  remove: { path: "/api/v1/deals/{key}" },
  marker: { prefix: "rollout-smoke-" },
  cases: [
    { type: "acquisition", rules: [{ field: "synergies[].kind", includes: "consolidation" }] },
    { type: "carveout", rules: [{ field: "costs[].kind", includes: "separation" }] },
    { type: "divestiture", rules: [{ field: "costs[].kind", includes: "extraction" }] },
  ],
};

describe("smoke test", () => {
  let url: string;
  let host: ReleasedHost;
  const running: ShadowInstance[] = [];
  const servers: { close(): void }[] = [];
  before(async () => {
    url = await databaseOfDeals();
    host = await ReleasedHost.make(url);
  });
  afterEach(async () => {
    for (const instance of running.splice(0)) await instance.stop();
    for (const server of servers.splice(0)) server.close();
  });

  /** The sandbox application itself, on a port of its own. */
  async function serve(flag: boolean, release = host.shas.feature): Promise<string> {
    const command = [
      "sh",
      "-c",
      'LOG_DIR="$0" PORT="$1" exec node --import tsx web.ts',
      "{scratch}",
      "{port}",
    ];
    const shadow = ShadowSection.parse({ command, rules: {} });
    const target = { shadow, host: host.address, release, flagVariable: "DEAL_TYPE_AWARENESS", flag };
    const instance = await startInstance({
      ...target,
      shell: localShell,
      signal: new AbortController().signal,
    });
    running.push(instance);
    return instance.url;
  }

  /** A proxy that refuses what `refuses` says, and hands on everything else. */
  async function refusing(app: string, refuses: (method: string, path: string) => boolean): Promise<string> {
    const server = createServer(async (request, response) => {
      if (refuses(request.method ?? "", request.url ?? "")) return void response.writeHead(500).end();
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks);
      const headers = { "content-type": "application/json" };
      const answer = await fetch(app + request.url, {
        method: request.method ?? "",
        headers,
        ...(body.length > 0 ? { body } : {}),
      });
      response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    servers.push(server);
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  function specOf(appUrl: string, section: object = {}, flag = true): SmokeTestSpec {
    const own = { change, app: { url: appUrl }, basis: { release: host.shas.feature, flag } };
    return smokeTest.spec.parse({
      ...baseSpec("smoke-test"),
      ...{ ...own, smokeTest: SmokeTestSection.parse({ ...SECTION, ...section }) },
    });
  }

  const rows = async (where: string) =>
    (await runSql(url, `SELECT id FROM deals WHERE ${where}`))[0]?.rowCount;
  const marked = () => rows("name LIKE 'rollout-smoke-%'");
  const plant = (name: string) =>
    runSql(url, `INSERT INTO deals (name, target_name, deal_type) VALUES ('${name}', 'T', 'carveout')`);
  const LEFTOVER = "rollout-smoke-0123456789abcdef";

  it("tries a deal of each type and an invalid one through the API, and leaves none of them", async () => {
    const app = await serve(true);
    const all = await rows("true");
    assert.deepEqual((await smokeTest.observe(specOf(app), makeDeps(url))).blockers, []);
    const result = await smokeTest.apply(specOf(app), makeDeps(url));
    const cases = SECTION.cases.map(({ type }) => ({ type, rules: 1 }));
    assert.deepEqual(result, { cases, invalidStatus: 422, removed: 3, removedByDatabase: 0 });
    assert.deepEqual([await marked(), await rows("true")], [0, all]);
  });

  it("fails with each rule that does not hold and what was found, and leaves no deal", async () => {
    // The old behaviour: consolidation for all, any type taken.
    const app = await serve(false);
    await assert.rejects(smokeTest.apply(specOf(app), makeDeps(url)), (error: Error) => {
      assert.match(
        error.message,
        /- carveout: costs\[\]\.kind: expected to include "separation", got 3 values without it \(integration, integration, integration\)\n/,
      );
      assert.match(error.message, /- divestiture: costs\[\]\.kind: expected to include "extraction"/);
      assert.match(
        error.message,
        /- invalid type not-a-deal-type: expected a status from 400 to 499, got 201\n.*expected no row, got one/,
      );
      return error.name === "StepError" && !/- acquisition/.test(error.message);
    });
    assert.equal(await marked(), 0);
  });

  it("removes what a killed run left, at the next run and at the undo, and no deal of a user", async () => {
    const app = await serve(true);
    const user = "rollout-smoke-test of our new tool";
    await plant(user);
    for (const remove of [
      async () =>
        assert.equal(((await smokeTest.apply(specOf(app), makeDeps(url))) as { removed: number }).removed, 4),
      async () =>
        assert.equal((await smokeTest.undo(specOf(app), makeDeps(url))).summary, "removed 1 test deals"),
    ]) {
      await plant(LEFTOVER);
      await remove();
      assert.deepEqual([await rows(`name = '${LEFTOVER}'`), await rows(`name = '${user}'`)], [0, 1]);
    }
    await runSql(url, `DELETE FROM deals WHERE name = '${user}'`);
  });

  it("leaves its deals to be found when it is killed in the midst of it: the undo removes them", async () => {
    const app = await serve(true);
    const hanging = await refusing(app, () => false);
    // Killed at its first analysis, a deal is there.
    const script = `
      const { smokeTest } = await import(${JSON.stringify(new URL("../../steps/smoke-test.ts", import.meta.url).href)});
      const { makeDeps } = await import(${JSON.stringify(new URL("./preflight-deps.ts", import.meta.url).href)});
      const log = (line) => line.includes("tried acquisition") && process.kill(process.pid, "SIGKILL");
      await smokeTest.apply(JSON.parse(process.argv[1]), makeDeps(process.argv[2], { log }));`;
    const argv = [
      "--import",
      "tsx",
      "--input-type=module",
      "-e",
      script,
      JSON.stringify(specOf(hanging)),
      url,
    ];
    const step = spawn(process.execPath, argv, { env: environmentToBeKilled(), stdio: "ignore" });
    const [, signal] = await new Promise<[number | null, string | null]>((done) =>
      step.once("exit", (code, name) => done([code, name])),
    );
    assert.deepEqual([signal, await marked()], ["SIGKILL", 1]);
    assert.deepEqual((await smokeTest.undo(specOf(app), makeDeps(url))).kept, []);
    assert.equal(await marked(), 0);
  });

  it("deletes in the database what the application does not remove, and says so", async () => {
    const app = await refusing(await serve(true), (method) => method === "DELETE");
    const deps = makeDeps(url);
    const result = await smokeTest.apply(specOf(app), deps);
    assert.deepEqual([(result as { removedByDatabase: number }).removedByDatabase, await marked()], [3, 0]);
    assert.match(
      deps.lines.join("\n"),
      /the application did not remove test deal \d+ \(status 500\): deleted it in the database/,
    );
  });

  it("removes its deals also when the application breaks in the midst, or the step is cancelled", async () => {
    const app = await serve(true);
    const broken = await refusing(app, (_, path) => path.endsWith("/analysis"));
    await assert.rejects(
      smokeTest.apply(specOf(broken), makeDeps(url)),
      /carveout: expected an analysis, got status 500/,
    );
    assert.equal(await marked(), 0);
    const cancel = new AbortController();
    const log = () => cancel.abort(new Error("cancelled by a test"));
    await assert.rejects(smokeTest.apply(specOf(app), makeDeps(url, { signal: cancel.signal, log })));
    assert.equal(await marked(), 0);
    await assert.rejects(
      smokeTest.apply(specOf("http://127.0.0.1:9"), makeDeps(url)),
      /to answer, got ECONNREFUSED/,
    );
  });

  it("touches nothing with the flag off: neither database nor application is needed", async () => {
    const spec = specOf("http://127.0.0.1:9", {}, false);
    const deps = makeDeps("postgres://nobody@127.0.0.1:9/none");
    assert.deepEqual((await smokeTest.observe(spec, deps)).blockers, []);
    assert.deepEqual(await smokeTest.apply(spec, deps), {
      skipped: "the flag is off: there is no new behaviour to try",
    });
  });

  it("does not hold up the way back when the database is down, and says what could be left", async () => {
    const spec = specOf("http://127.0.0.1:9");
    const down = "postgres://nobody@127.0.0.1:9/none";
    const { kept } = await smokeTest.undo(spec, makeDeps(down));
    assert.match(
      kept[0]?.subject ?? "",
      /test deals whose name begins with rollout-smoke-, if there are any/,
    );
    const entry = { state: "half-done", doneNumber: 7 } as Entry;
    const evidence = { entries: () => new Map([["pre-flight/smoke-test", entry]]), records: () => [] };
    const result = { cases: [], invalidStatus: 422, removed: 3, removedByDatabase: 0 };
    const undone = await smokeTest.undo(spec, makeDeps(down, { evidence }), result);
    assert.deepEqual(undone, { summary: "nothing to undo: its test deals were removed", kept: [] });
  });

  for (const [what, section, said] of [
    [
      "a marker that is no column",
      { marker: { field: "title", prefix: "rollout-smoke-" } },
      /expected a column title in public\.deals, got none/,
    ],
    [
      "a case of a type that is not allowed",
      { cases: [{ ...SECTION.cases[0], type: "merger" }] },
      /expected cases of acquisition, carveout, divestiture, got merger/,
    ],
    ["an invalid type that is valid", { invalidType: "carveout" }, /does not list, got carveout/],
    [
      "a token that is not there",
      { tokenVariable: "SMOKE_TEST_TOKEN" },
      /the variable SMOKE_TEST_TOKEN in the environment, got none/,
    ],
  ] as const)
    it(`refuses before any deal is created: ${what}`, async () => {
      const spec = specOf("http://127.0.0.1:9", section);
      assert.match((await smokeTest.observe(spec, makeDeps(url))).blockers.join("\n"), said);
      await assert.rejects(smokeTest.apply(spec, makeDeps(url)), said);
    });

  it("refuses a flag that is on without a section that says what to try", async () => {
    const { smokeTest: _, ...spec } = specOf("http://127.0.0.1:9");
    assert.match(
      (await smokeTest.observe(spec, makeDeps(url))).blockers[0] ?? "",
      /expected smokeTest in the stack config, got none/,
    );
  });
});
