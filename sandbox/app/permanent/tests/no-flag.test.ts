import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { settingsWith, withApp } from "./fixture.ts";

// Written so, or this file itself would mention it.
const FLAG = ["DEAL", "TYPE", "AWARENESS"].join("_");
const RELEASE = fileURLToPath(new URL("..", import.meta.url));

test("no file of this release mentions the flag", () => {
  const files = readdirSync(RELEASE, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes("node_modules"))
    .map((entry) => join(entry.parentPath, entry.name));
  assert.ok(files.length > 40);
  assert.deepEqual(
    files.filter((file) => readFileSync(file, "utf8").includes(FLAG)),
    [],
  );
});

test("an old setting of it changes no page and is in no log", async () => {
  const lines: string[] = [];
  const note = (message: string, fields = {}) => void lines.push(message + JSON.stringify(fields));
  await withApp(
    settingsWith({ [FLAG]: "false" }),
    async (ask) => {
      await ask("POST", "/api/v1/deals", {
        name: "n",
        target_name: "t",
        deal_type: "carveout",
        employees: 3,
      });
      for (const path of ["/deals", "/deals/create", "/deals/1/edit"])
        assert.equal((await ask("GET", path)).status, 200);
      const { body } = await ask("GET", "/deals/1");
      assert.match(body, /<th scope="rowgroup">Separation</);
      assert.ok(!body.includes(FLAG));
    },
    undefined,
    { info: note, error: note },
  );
  assert.ok(lines.length > 0);
  assert.ok(!lines.join("\n").includes("flag") && !lines.join("\n").includes(FLAG));
});
