import assert from "node:assert/strict";
import { test } from "node:test";
import { AWARE } from "./aware.ts";
import { withApp } from "./fixture.ts";

test("the form for a new deal requires a type, acquisition by default, and explains each", () =>
  withApp(AWARE, async (ask) => {
    const { body } = await ask("GET", "/deals/create");
    assert.match(body, /<select name="deal_type" required/);
    assert.match(body, /<option value="acquisition" selected>/);
    for (const type of ["acquisition", "carveout", "divestiture"])
      assert.match(body, new RegExp(`<dt>${type}</dt><dd>.+</dd>`));
  }));

test("the edit form shows the deal's own type, and its names as text", () =>
  withApp(AWARE, async (ask) => {
    await ask("POST", "/api/v1/deals", { name: `"><script>`, target_name: "t", deal_type: "divestiture" });
    const { status, body } = await ask("GET", "/deals/1/edit");
    assert.equal(status, 200);
    assert.match(body, /<option value="divestiture" selected>/);
    assert.ok(!body.includes(`"><script>`));
  }));

test("there is no edit form for a deal that is not there", () =>
  withApp(AWARE, async (ask) => assert.equal((await ask("GET", "/deals/99/edit")).status, 404)));
