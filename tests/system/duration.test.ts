import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { showDuration } from "../../system/duration.ts";

describe("a duration", () => {
  for (const [seconds, shown] of [
    [0, "0 s"],
    [0.04, "0 s"],
    [0.4, "0.4 s"],
    [0.99, "0.9 s"],
    [3, "3 s"],
    [90, "1 min 30 s"],
    [3_605, "1 h"],
    [86_400, "24 h"],
    [86_399, "23 h 59 min"],
    [172_801, "2 days"],
    [7 * 86_400, "7 days"],
  ] as const)
    it(`of ${seconds} seconds is shown as ${shown}`, () => assert.equal(showDuration(seconds), shown));
});
