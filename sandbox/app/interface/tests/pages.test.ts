import assert from "node:assert/strict";
import { test } from "node:test";
import { AWARE } from "./aware.ts";
import { DEAL, memoryStore, withApp } from "./fixture.ts";

const BROWSER = { accept: "text/html" };
const rowsOf = (page: string, caption: string) =>
  page.split(`<caption>${caption}</caption>`)[1]?.split("</table>")[0] ?? "";

for (const [type, name, present, absent] of [
  ["acquisition", "Acquisition", ["Integration", "Consolidation"], ["Separation", "TSA", "Extraction"]],
  ["carveout", "Carve-out", ["Separation", "TSA \\(transition services\\)"], ["Integration", "Extraction"]],
  ["divestiture", "Divestiture", ["Extraction"], ["Integration", "Separation", "TSA"]],
] as const)
  test(`the report of a deal of type ${type} names its type, its kinds of cost and its synergies`, () =>
    withApp(AWARE, async (ask) => {
      await ask("POST", "/api/v1/deals", {
        name: "Orion",
        target_name: "Northwind",
        deal_type: type,
        employees: 2,
      });
      const { status, body } = await ask("GET", "/deals/1");
      assert.equal(status, 200);
      assert.match(body, /<h1>Orion<\/h1>/);
      assert.match(body, new RegExp(`<span class="type ${type}">${name}</span>`));
      const tables = rowsOf(body, "Costs") + rowsOf(body, "Synergies");
      for (const kind of present) assert.match(tables, new RegExp(`<th scope="rowgroup">${kind}</th>`));
      for (const kind of absent) assert.ok(!tables.includes(kind), kind);
      assert.equal(body.includes("No synergies"), type !== "acquisition");
      assert.match(body, /href="\/deals\/1\/edit">Edit deal</);
    }));

test("a report adds up to the cent, in the deal's currency, and is logged as an analysis", async () => {
  const events: string[] = [];
  const log = {
    info: (message: string, fields = {}) => void events.push(`${message} ${JSON.stringify(fields)}`),
    error: () => undefined,
  };
  const work = async (ask: Parameters<Parameters<typeof withApp>[1]>[0]) => {
    const { it_budget, employees, applications } = DEAL;
    const fields = { name: "n", target_name: "t", it_budget, employees, applications, currency: "EUR" };
    await ask("POST", "/api/v1/deals", { ...fields, deal_type: "carveout" });
    const costs = rowsOf((await ask("GET", "/deals/1")).body, "Costs");
    assert.match(costs, /EUR, once/);
    assert.match(costs, /<th scope="rowgroup">Separation<\/th>.*?>869,600\.00</s);
    assert.match(costs, /<th scope="rowgroup">TSA.*?>135,875\.00</s);
    assert.match(costs, /<tfoot>.*Total.*>1,005,475\.00</s);
  };
  await withApp(AWARE, work, memoryStore(), log);
  assert.deepEqual(events.at(-1), 'deal analysed {"deal_id":"1","deal_type":"carveout"}');
});

test("deals are listed newest first, page by page, there and back", () =>
  withApp(AWARE, async (ask) => {
    for (let number = 1; number <= 60; number += 1)
      await ask("POST", "/api/v1/deals", { name: `Deal ${number}.`, target_name: "t" });
    const page = async (path: string) => {
      const { body } = await ask("GET", path);
      const names = [...body.matchAll(/>Deal (\d+)\.</g)].map(([, number]) => Number(number));
      const link = (rel: string) => new RegExp(`href="([^"]+)" rel="${rel}"`).exec(body)?.[1];
      return { names, older: link("next"), newer: link("prev") };
    };
    const first = await page("/deals");
    assert.deepEqual([first.names[0], first.names.at(-1), first.newer], [60, 36, undefined]);
    const second = await page(first.older ?? "");
    assert.deepEqual([second.names[0], second.names.at(-1)], [35, 11]);
    const third = await page(second.older ?? "");
    assert.deepEqual([third.names[0], third.names.at(-1), third.older], [10, 1, undefined]);
    assert.deepEqual(await page(third.newer ?? ""), { ...second, names: second.names });
    assert.deepEqual(await page(second.newer ?? ""), first);
  }));

test("a list without deals says so", () =>
  withApp(AWARE, async (ask) => assert.match((await ask("GET", "/deals")).body, /No deals yet/)));

test("what users wrote is text on every page, never HTML", () =>
  withApp(AWARE, async (ask) => {
    const evil = `"'><script>x</script>&amp;`;
    const fields = { name: evil, target_name: evil, lead_name: evil, notes: evil };
    await ask("POST", "/api/v1/deals", { ...fields, currency: `"<b` });
    for (const path of ["/deals", "/deals/1", "/deals/1/edit"]) {
      const { body } = await ask("GET", path);
      assert.ok(!body.includes("<script>x"), path);
      assert.ok(!body.includes(`"<b`), path);
      assert.ok(body.includes("&#34;&#39;&#62;&#60;script&#62;x&#60;/script&#62;&#38;amp;"), path);
    }
  }));

test("people get a page when something is wrong, programs the API's answer", () =>
  withApp(AWARE, async (ask) => {
    for (const path of ["/deals/99", "/deals/99/edit", "/nowhere", "/deals?before=x"]) {
      const { status, body } = await ask("GET", path, undefined, BROWSER);
      assert.equal(status, 404, path);
      assert.match(body, /<h1>There is no such page<\/h1>/);
      assert.equal((await ask("GET", path)).body.error.code, "not_found");
    }
    assert.equal((await ask("DELETE", "/deals/create")).status, 405);
  }));

test("a database that is away is told on a page as well", () => {
  const away = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  const store = { ...memoryStore(), newest: () => Promise.reject(away) };
  return withApp(
    AWARE,
    async (ask) => {
      const { status, body } = await ask("GET", "/deals", undefined, BROWSER);
      assert.equal(status, 503);
      assert.match(body, /We can&#39;t reach the deals right now|We can't reach the deals right now/);
    },
    store,
  );
});

test("the start page leads to the list, and a path of slashes ends no process", () =>
  withApp(AWARE, async (ask) => {
    assert.equal((await ask("GET", "/")).headers.get("location"), "/deals");
    assert.equal((await ask("GET", "//")).status, 404);
  }));
