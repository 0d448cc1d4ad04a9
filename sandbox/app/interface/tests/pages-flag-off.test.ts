import assert from "node:assert/strict";
import { test } from "node:test";
import { settingsWith, withApp } from "./fixture.ts";

const OFF = settingsWith({ DEAL_TYPE_AWARENESS: "false" });

test("with the flag off every page works, stores the chosen type, and shows the analysis as it was before", () =>
  withApp(OFF, async (ask) => {
    const form = { name: "n", target_name: "t", deal_type: "carveout", currency: "USD", employees: "10" };
    assert.equal((await ask("POST", "/deals/create", new URLSearchParams(form))).status, 303);
    assert.equal((await ask("GET", "/api/v1/deals/1")).body.deal_type, "carveout");
    for (const path of ["/deals", "/deals/create", "/deals/1/edit"])
      assert.equal((await ask("GET", path)).status, 200);
    const { body } = await ask("GET", "/deals/1");
    assert.match(body, /<span class="type carveout">Carve-out</);
    assert.match(body, /<th scope="rowgroup">Integration</);
    assert.match(body, /<th scope="rowgroup">Consolidation</);
    assert.ok(!body.includes("Separation"));
    const edit = new URLSearchParams({ ...form, deal_type: "divestiture", status: "open" });
    assert.equal((await ask("POST", "/deals/1/edit", edit)).status, 303);
    assert.equal((await ask("GET", "/api/v1/deals/1")).body.deal_type, "divestiture");
  }));

test("with the flag off an old client's deal without a type has pages as well", () =>
  withApp(OFF, async (ask) => {
    await ask("POST", "/api/v1/deals", { name: "n", target_name: "t" });
    assert.match((await ask("GET", "/deals/1")).body, /Acquisition/);
    assert.match((await ask("GET", "/deals/1/edit")).body, /<option value="acquisition" selected/);
  }));
