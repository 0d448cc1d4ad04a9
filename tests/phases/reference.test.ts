import { equal } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { renderPhases } from "../../phases/reference.ts";

describe("docs/phases.md", () => {
  it("is what the tables of the phases say", () => {
    const stored = readFileSync(new URL("../../docs/phases.md", import.meta.url), "utf8");
    equal(stored, renderPhases(), "run: npm run docs:phases");
  });
});
