import assert from "node:assert/strict";
import { test } from "node:test";
import { AWARE } from "./aware.ts";
import { type Ask, memoryStore, withApp } from "./fixture.ts";

const NEW = { name: "Orion", target_name: "Northwind", deal_type: "carveout", currency: "USD" };
const EDIT = { ...NEW, status: "open" };
const form = (fields: Record<string, string>) => new URLSearchParams(fields);
const stored = async (ask: Ask) => (await ask("GET", "/api/v1/deals/1")).body;

test("the form for a new deal requires a type, acquisition by default, and explains each", () =>
  withApp(AWARE, async (ask) => {
    const { body } = await ask("GET", "/deals/create");
    assert.match(
      body,
      /<select id="field-deal_type" name="deal_type" required aria-describedby="deal-type-help /,
    );
    const options = [...body.matchAll(/<option value="(\w+)"( selected)? data-help="[^"]+">([\w-]+)</g)];
    assert.deepEqual(
      options.map(([, value, selected, text]) => [value, selected !== undefined, text]),
      [
        ["acquisition", true, "Acquisition"],
        ["carveout", false, "Carve-out"],
        ["divestiture", false, "Divestiture"],
      ],
    );
    assert.match(body, /<p id="deal-type-help" class="help" aria-live="polite">You buy a whole company/);
    for (const name of ["Acquisition", "Carve-out", "Divestiture"])
      assert.match(body, new RegExp(`<dt>${name}</dt><dd>You .+</dd>`));
  }));

test("a new deal is stored as the form has it, and its report tells so once", () =>
  withApp(AWARE, async (ask) => {
    const fields = {
      ...NEW,
      it_budget: "1,250,000.5",
      employees: "1 200",
      applications: "7",
      notes: "a\r\nb",
    };
    const { status, headers } = await ask("POST", "/deals/create", form(fields));
    assert.deepEqual([status, headers.get("location")], [303, "/deals/1"]);
    const { name, deal_type, it_budget, employees, applications, notes, lead_name } = await stored(ask);
    assert.deepEqual(
      [name, deal_type, it_budget, employees, applications, notes, lead_name],
      ["Orion", "carveout", "1250000.50", 1200, 7, "a\nb", null],
    );
    const cookie = headers.get("set-cookie")?.split(";")[0] ?? "";
    const report = await ask("GET", "/deals/1", undefined, { cookie });
    assert.match(report.body, /role="status"[^>]*>Deal created</);
    assert.match(report.headers.get("set-cookie") ?? "", /^flash=; Path=\/deals\/1; Max-Age=0;/);
    assert.ok(!(await ask("GET", "/deals/1")).body.includes('role="status"'));
  }));

for (const [what, change, field, message] of [
  ["no name", { name: " " }, "name", "Enter a name"],
  ["no target", { target_name: "" }, "target_name", "Enter a target"],
  ["a name that is too long", { name: "x".repeat(201) }, "name", "The name must have 200"],
  ["no type", { deal_type: "" }, "deal_type", "Choose a deal type"],
  ["a type that is none", { deal_type: "merger" }, "deal_type", "Choose one of the deal types"],
  ["an old spelling for a type", { deal_type: "carve-out" }, "deal_type", "Choose one of the deal types"],
  ["a budget in words", { it_budget: "lots" }, "it_budget", "The IT budget must be an amount"],
  ["half an employee", { employees: "1.5" }, "employees", "Employees must be a whole number"],
  ["applications below zero", { applications: "-1" }, "applications", "Applications must be a whole"],
  ["a currency that is not offered", { currency: "$" }, "currency", "Choose one of the currencies"],
  ["too many notes", { notes: "x".repeat(10_001) }, "notes", "The notes must have 10,000"],
] as const)
  test(`a form with ${what} is refused beside that field, and nothing is stored`, () =>
    withApp(AWARE, async (ask) => {
      const { status, body } = await ask("POST", "/deals/create", form({ ...NEW, ...change }));
      assert.equal(status, 422);
      assert.match(body, new RegExp(`role="alert"[^]*<a href="#field-${field}">${message}`));
      assert.match(body, new RegExp(`name="${field}"[^>]* aria-invalid="true"`));
      assert.match(body, new RegExp(`<p class="error" id="error-${field}">${message}`));
      assert.equal(body.match(/aria-invalid/g).length, 1);
      assert.match(body, /<title>Error: New deal/);
      assert.equal((await ask("GET", "/api/v1/deals")).body.deals.length, 0);
    }));

test("a refused form keeps what was entered", () =>
  withApp(AWARE, async (ask) => {
    const { body } = await ask("POST", "/deals/create", form({ ...NEW, name: "", notes: "\nfor <later>" }));
    assert.match(body, /name="target_name"[^>]* value="Northwind"/);
    assert.match(body, /<option value="carveout" selected/);
    assert.match(body, /<p id="deal-type-help"[^>]*>You buy a part/);
    assert.match(body, />\nfor &#60;later&#62;<\/textarea>/);
  }));

for (const [given, selected] of [
  ["divestiture", "divestiture"],
  ["Carve-Out ", "carveout"],
  ["joint venture", "acquisition"],
  [null, "acquisition"],
] as const)
  test(`the edit form shows a stored ${JSON.stringify(given)} as what it is analysed as`, async () => {
    const store = memoryStore();
    await store.create({ name: "n", target_name: "t", deal_type: given });
    await withApp(
      AWARE,
      async (ask) => {
        const { body } = await ask("GET", "/deals/1/edit");
        assert.match(body, new RegExp(`<option value="${selected}" selected`));
        assert.equal(body.match(/ selected/g).length, 3, "type, currency, status");
      },
      store,
    );
  });

test("an edit is stored: the type changes, what was emptied is gone, all else stays", () =>
  withApp(AWARE, async (ask) => {
    await ask("POST", "/api/v1/deals", { ...NEW, lead_name: "B. Lindström", notes: "n", employees: 5 });
    const change = form({ ...EDIT, deal_type: "divestiture", employees: "5", lead_name: "", notes: "n" });
    const { status, headers } = await ask("POST", "/deals/1/edit", change);
    assert.deepEqual([status, headers.get("location")], [303, "/deals/1"]);
    const { deal_type, lead_name, notes, employees } = await stored(ask);
    assert.deepEqual([deal_type, lead_name, notes, employees], ["divestiture", null, "n", 5]);
    const cookie = headers.get("set-cookie")?.split(";")[0] ?? "";
    assert.match((await ask("GET", "/deals/1", undefined, { cookie })).body, /role="status"[^>]*>Saved</);
  }));

test("a refused edit changes nothing, and a deal that is not there has no form", () =>
  withApp(AWARE, async (ask) => {
    await ask("POST", "/api/v1/deals", NEW);
    const refused = await ask("POST", "/deals/1/edit", form({ ...EDIT, name: "New", deal_type: "" }));
    assert.equal(refused.status, 422);
    assert.equal((await stored(ask)).name, "Orion");
    assert.equal((await ask("POST", "/deals/99/edit", form(EDIT))).status, 404);
  }));

test("a deal keeps a currency that the list lacks", () =>
  withApp(AWARE, async (ask) => {
    await ask("POST", "/api/v1/deals", { ...NEW, currency: "SEK" });
    assert.match((await ask("GET", "/deals/1/edit")).body, /<option value="SEK" selected>SEK</);
    assert.equal((await ask("POST", "/deals/1/edit", form({ ...EDIT, currency: "SEK" }))).status, 303);
  }));

for (const [what, code, status, message] of [
  ["refuses the deal", "23514", 422, "A rule of the database refuses this deal"],
  ["is away", "ECONNREFUSED", 503, "The deal was not saved"],
] as const)
  test(`a form tells when the database ${what}, and keeps what was entered`, () =>
    withApp(
      AWARE,
      async (ask) => {
        const answer = await ask("POST", "/deals/create", form(NEW));
        assert.equal(answer.status, status);
        assert.match(answer.body, new RegExp(`role="alert"[^]*<li>${message}`));
        assert.match(answer.body, /value="Orion"/);
      },
      memoryStore(Object.assign(new Error("no"), { code })),
    ));

test("a form on another site's page makes no deal here, nor does anything that is no form", () =>
  withApp(AWARE, async (ask) => {
    const post = (body: unknown, headers: Record<string, string>) =>
      ask("POST", "/deals/create", body, headers);
    assert.equal((await post(form(NEW), { "sec-fetch-site": "cross-site" })).status, 403);
    assert.equal((await post(NEW, { "content-type": "application/json" })).status, 415);
    assert.equal((await post(form(NEW), { "sec-fetch-site": "same-origin" })).status, 303);
  }));
