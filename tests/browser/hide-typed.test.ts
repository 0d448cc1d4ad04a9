import assert from "node:assert/strict";
import { hideTyped } from "../../browser/point-run.ts";

describe("what was typed as a secret", () => {
  const secret = 'pass "word" & 1';
  const table: [string, string, string][] = [
    ["as it is", `got ${secret}`, "got ***"],
    ["in quotes", `got ${JSON.stringify(secret)}`, 'got "***"'],
    ["in an address", `GET /login?p=${encodeURIComponent(secret)}`, "GET /login?p=***"],
    ["in a form's address", `GET /login?${new URLSearchParams({ p: secret })}`, "GET /login?p=***"],
    ["with its end cut off", `got "${secret.slice(0, 6)}…"`, 'got "***"'],
  ];
  for (const [where, text, shown] of table)
    it(`is hidden ${where}`, () => assert.equal(hideTyped(text, [secret]), shown));

  it("hides nothing else", () => assert.equal(hideTyped("pass the word…", [secret]), "pass the word…"));
});
