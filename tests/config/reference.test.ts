import { equal, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { renderReference } from "../../config/reference.ts";

describe("docs/config.md", () => {
  it("is what the schema generates", () => {
    const stored = readFileSync(new URL("../../docs/config.md", import.meta.url), "utf8");
    equal(stored, renderReference(), "run: npm run docs:config");
  });

  it("describes every key", () => {
    const bare = renderReference()
      .split("\n")
      .filter((line) => line.startsWith("| `") && line.endsWith("|  |"));
    equal(bare.length, 0, bare.join("\n"));
    ok(renderReference().includes("| `migration.lockTimeoutMs` | an integer from 1 to 10000 (ms) | `50` |"));
  });
});
