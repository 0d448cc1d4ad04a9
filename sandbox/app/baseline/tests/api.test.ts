import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryStore, settingsWith, withApp } from "./fixture.ts";

const NEW = { name: "Project 北極星", target_name: "Škoda Systems", deal_type: "acquisition" };

test("a deal is created, read, edited, listed and deleted", () =>
  withApp(settingsWith(), async (ask) => {
    const created = await ask("POST", "/api/v1/deals", { ...NEW, it_budget: "12.5" });
    assert.equal(created.status, 201);
    assert.equal(created.body.it_budget, "12.50");
    const path = `/api/v1/deals/${created.body.id}`;
    assert.equal((await ask("GET", path)).body.name, NEW.name);
    assert.equal((await ask("PATCH", path, { status: "closed" })).body.status, "closed");
    assert.equal((await ask("GET", "/api/v1/deals?after=0&limit=5")).body.deals.length, 1);
    assert.equal((await ask("DELETE", path)).status, 204);
    assert.equal((await ask("GET", path)).status, 404);
  }));

test("an analysis is computed without being stored, stored, and queued", () =>
  withApp(settingsWith(), async (ask) => {
    await ask("POST", "/api/v1/deals", { ...NEW, employees: 2 });
    const path = "/api/v1/deals/1/analysis";
    assert.equal((await ask("GET", path)).body.deal_id, "1");
    assert.equal((await ask("POST", path)).status, 201);
    assert.equal((await ask("POST", `${path}?queue=1`)).status, 202);
  }));

for (const [what, body] of [
  ["no name", { target_name: "x" }],
  ["an unknown field", { ...NEW, colour: "red" }],
  ["money as a number", { ...NEW, it_budget: 12.5 }],
  ["a negative count", { ...NEW, employees: -1 }],
  ["a type that is no text", { ...NEW, deal_type: 7 }],
] as const)
  test(`a deal with ${what} is refused`, () =>
    withApp(settingsWith(), async (ask) => {
      const { status, body: answer } = await ask("POST", "/api/v1/deals", body);
      assert.equal(status, 422);
      assert.equal(answer.error.code, "invalid_deal");
    }));

test("a row that breaks a constraint is the client's error, a database that is away is not", async () => {
  const ask422 = Object.assign(new Error("violates"), { code: "23514", constraint: "valid_deal_type" });
  await withApp(
    settingsWith(),
    async (ask) => {
      const { status, body } = await ask("POST", "/api/v1/deals", NEW);
      assert.deepEqual([status, body.error.code], [422, "invalid_deal"]);
    },
    memoryStore(ask422),
  );
  const away = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  await withApp(
    settingsWith(),
    async (ask) => assert.equal((await ask("POST", "/api/v1/deals", NEW)).status, 503),
    memoryStore(away),
  );
});

test("health tells release, pid, start and database", () =>
  withApp(settingsWith(), async (ask) => {
    const { body } = await ask("GET", "/health");
    assert.deepEqual(Object.keys(body), ["release", "pid", "startedAt", "flag", "database"]);
    assert.deepEqual([body.pid, body.database], [process.pid, "ok"]);
  }));

test("the form for a new deal asks for name and target", () =>
  withApp(settingsWith(), async (ask) => {
    const { status, body } = await ask("GET", "/deals/create");
    assert.equal(status, 200);
    assert.match(body, /name="name" required/);
    assert.match(body, /name="target_name" required/);
  }));
