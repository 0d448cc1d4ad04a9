import assert from "node:assert/strict";
import { test } from "node:test";
import { analyse } from "../analysis.ts";
import { AWARE } from "./aware.ts";
import { DEAL, withApp } from "./fixture.ts";

const kindsOf = (lines: { kind: string }[]) => [...new Set(lines.map(({ kind }) => kind))];

for (const [deal_type, synergies, costs, total] of [
  ["acquisition", ["consolidation"], ["integration"], "543500.00"],
  ["carveout", [], ["separation", "tsa"], "1005475.00"],
  ["divestiture", [], ["extraction"], "652200.00"],
] as const)
  test(`a deal of type ${deal_type} is analysed as such`, () => {
    const analysis = analyse({ ...DEAL, deal_type }, AWARE);
    assert.deepEqual(kindsOf(analysis.synergies), synergies);
    assert.deepEqual(kindsOf(analysis.costs), costs);
    assert.equal(analysis.cost_total, total);
  });

test("a deal without a type is analysed as it always was", () => {
  const { synergy_total, cost_total } = analyse(DEAL, AWARE);
  assert.deepEqual([synergy_total, cost_total], ["165000.01", "543500.00"]);
});

test("new deals have one of the three types, also when an old client makes them", () =>
  withApp(AWARE, async (ask) => {
    const create = async (type: object) =>
      (await ask("POST", "/api/v1/deals", { name: "n", target_name: "t", ...type })).body.deal_type;
    assert.equal(await create({}), "acquisition");
    assert.equal(await create({ carve_out: true }), "carveout");
    assert.equal(await create({ deal_type: "Carve-Out " }), "carveout");
    assert.equal(await create({ deal_type: "divestiture" }), "divestiture");
  }));

test("an unknown type is refused with the list of the known ones", () =>
  withApp(AWARE, async (ask) => {
    const { status, body } = await ask("POST", "/api/v1/deals", {
      name: "n",
      target_name: "t",
      deal_type: "invalid",
    });
    assert.equal(status, 422);
    assert.match(body.error.message, /acquisition, carveout, divestiture/);
  }));

test("an edit that names no type leaves the type alone", () =>
  withApp(AWARE, async (ask) => {
    await ask("POST", "/api/v1/deals", { name: "n", target_name: "t", deal_type: "carveout" });
    assert.equal((await ask("PATCH", "/api/v1/deals/1", { status: "closed" })).body.deal_type, "carveout");
  }));
