import assert from "node:assert/strict";
import { test } from "node:test";
import { analyse } from "../analysis.ts";
import { DEAL, settingsWith, withApp } from "./fixture.ts";

const OFF = settingsWith({ DEAL_TYPE_AWARENESS: "false" });
const NEW = { name: "Project Orion", target_name: "Northwind" };

test("a deal without a type is stored without one, a carve-out as the form spells it", () =>
  withApp(OFF, async (ask) => {
    assert.equal((await ask("POST", "/api/v1/deals", NEW)).body.deal_type, null);
    assert.equal(
      (await ask("POST", "/api/v1/deals", { ...NEW, carve_out: true })).body.deal_type,
      "carve-out",
    );
    assert.equal(
      (await ask("POST", "/api/v1/deals", { ...NEW, deal_type: "Other " })).body.deal_type,
      "Other ",
    );
    assert.equal(
      (await ask("PATCH", "/api/v1/deals/1", { deal_type: "carve-out" })).body.deal_type,
      "carve-out",
    );
  }));

test("every deal is analysed as an integration, whatever its type", () => {
  for (const deal_type of [null, "acquisition", "carve-out", "carveout", "divestiture", "?"]) {
    const { synergies, costs, synergy_total, cost_total } = analyse({ ...DEAL, deal_type }, OFF);
    assert.deepEqual([synergy_total, cost_total], ["165000.01", "543500.00"]);
    assert.ok(synergies.every(({ kind }) => kind === "consolidation"));
    assert.ok(costs.every(({ kind }) => kind === "integration"));
  }
});
