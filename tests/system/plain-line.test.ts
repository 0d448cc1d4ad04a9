import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { lineEnd, lineStart, plainLine } from "../../system/plain-line.ts";

describe("a line of what others wrote", () => {
  for (const [what, text, shown] of [
    ["loses its colours", "\u001b[1;31mred\u001b[0m alert", "red alert"],
    ["is one line", " one\r\n two\u2028three\t ", "one two three"],
    ["holds nothing that a terminal acts on", "a\u0007b\u009b2Jc\u007fd", "a b 2Jc d"],
    ["holds nothing that hides or reorders letters", "gnp.\u202etxt\u200b\ufeff!", "gnp. txt !"],
    ["keeps letters of every language", "Prüf 測試 👍", "Prüf 測試 👍"],
  ] as const)
    it(what, () => assert.equal(plainLine(text), shown));

  it("is cut where it is too long, and says so", () => {
    assert.equal(lineStart("abcdef", 6), "abcdef");
    assert.equal(lineStart("abcdefg", 6), "abcdef…");
    assert.equal(lineEnd("abcdefg", 6), "…bcdefg");
    assert.equal(lineEnd(`${"x".repeat(400)}\nValueError: y`, 20), "…xxxxxx ValueError: y");
    assert.equal(lineEnd(""), "");
  });
});
