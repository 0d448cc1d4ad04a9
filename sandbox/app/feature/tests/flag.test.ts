import assert from "node:assert/strict";
import { test } from "node:test";
import { readFlag } from "../settings.ts";
import { settingsWith, withApp } from "./fixture.ts";

test("the flag is on only when it says so plainly", () => {
  for (const text of ["true", "TRUE", " 1 ", "yes", "on"]) assert.equal(readFlag(text), true, text);
  for (const text of [undefined, "", "false", "0", "tru", "off"]) assert.equal(readFlag(text), false, text);
});

test("health tells the flag as the process was started with it", async () => {
  for (const [value, flag] of [
    ["true", true],
    ["false", false],
  ] as const)
    await withApp(settingsWith({ DEAL_TYPE_AWARENESS: value }), async (ask) =>
      assert.equal((await ask("GET", "/health")).body.flag, flag),
    );
});

test("this process behaves by the flag in its own environment", () =>
  withApp(settingsWith({ DEAL_TYPE_AWARENESS: process.env.DEAL_TYPE_AWARENESS ?? "" }), async (ask) => {
    const { body } = await ask("POST", "/api/v1/deals", { name: "n", target_name: "t", carve_out: true });
    const on = readFlag(process.env.DEAL_TYPE_AWARENESS);
    assert.equal(body.deal_type, on ? "carveout" : "carve-out");
  }));
