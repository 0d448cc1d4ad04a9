import assert from "node:assert/strict";
import fc from "fast-check";
import type { OutputRule } from "../../config/output-rule.ts";
import { readDecimal, showTimes } from "../../steps/snapshot/exact-decimal.ts";
import { findDifferences } from "../../steps/snapshot/output-differences.ts";
import { judgeOutput, parseExactly } from "../../steps/snapshot/output-rules.ts";

const faults = (rule: OutputRule, on: string, off = "{}") =>
  judgeOutput([rule], parseExactly(on), parseExactly(off)).map(({ fault }) => fault);

const COSTS = '{"costs":[{"kind":"separation"},{"kind":"tsa"}],"n":7,"cost_total":"185.00"}';
const ratio = (min: string, max: string): OutputRule => ({ field: "cost_total", ratio: { min, max } });
const total = (text: string) => `{"cost_total":${text}}`;

describe("rules of an output", () => {
  for (const [rule, said] of [
    [{ field: "costs[].kind", includes: "tsa" }, []],
    [
      { field: "costs[].kind", includes: "extraction" },
      ['costs[].kind: expected to include "extraction", got 2 values without it'],
    ],
    [
      { field: "synergies[].kind", includes: "consolidation" },
      ['synergies[].kind: expected to include "consolidation", got nothing there'],
    ],
    [{ field: "costs[].kind", excludes: "integration" }, []],
    [{ field: "missing.kind", excludes: "tsa" }, []],
    [{ field: "costs[].kind", excludes: "tsa" }, ['costs[].kind: expected none to be "tsa", got it']],
    [{ field: "n", includes: "7" }, []],
    [{ field: "constructor", includes: "x" }, ['constructor: expected to include "x", got nothing there']],
  ] as [OutputRule, string[]][])
    it(`judge content: ${JSON.stringify(rule)}`, () => assert.deepEqual(faults(rule, COSTS), said));

  const OUT = "cost_total: expected 1.2 to 2 times the value with the flag off, got";
  for (const [on, off, said] of [
    ['"185.00"', '"100.00"', []],
    ['"120.00"', '"100.00"', []],
    ['"200.00"', '"100.00"', []],
    ["200.00", '"100.00"', []],
    ['"119.99"', '"100.00"', [`${OUT} 1.1999 times`]],
    ['"200.01"', '"100.00"', [`${OUT} 2.0001 times`]],
    ["12345678901234567890.24", "12345678901234567890.20", [`${OUT} 1 times`]],
    ["2.4e20", "2e20", []],
    ['"0"', '"0.00"', []],
    ['"0.01"', '"0.00"', [`${OUT} something of 0`]],
    ['"-150.00"', '"-100.00"', []],
    ['"-100.00"', '"100.00"', [`${OUT} -1 times`]],
    ['"abc"', '"1"', ["cost_total: expected a decimal with the flag on, got no decimal"]],
    ['"1"', "null", ["cost_total: expected a decimal with the flag off, got no decimal"]],
    ['"1"', "1e999999999", ["cost_total: expected a decimal with the flag off, got no decimal"]],
  ] as const)
    it(`judge a ratio without rounding: ${on} to ${off}`, () =>
      assert.deepEqual(faults(ratio("1.2", "2"), total(on), total(off)), said));

  it("tell a ratio of several values, or of none", () => {
    const rule = { field: "a[].b", ratio: { min: "1", max: "1" } };
    assert.deepEqual(faults(rule, '{"a":[{"b":1},{"b":2}]}'), [
      "a[].b: expected a decimal with the flag on, got 2 values",
    ]);
    assert.deepEqual(faults(rule, "{}"), ["a[].b: expected a decimal with the flag on, got nothing there"]);
  });

  it("compare any two sums of cents as they are", () => {
    const cents = fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n });
    const show = (value: bigint) =>
      `${value < 0n ? "-" : ""}${String(value < 0n ? -value : value)
        .padStart(3, "0")
        .replace(/(..)$/, ".$1")}`;
    fc.assert(
      fc.property(cents, cents, (a, b) => {
        const [x, y] = [readDecimal(show(a)), readDecimal(show(b))];
        assert.ok(x && y);
        assert.equal(x.cmp(y), a < b ? -1 : a > b ? 1 : 0);
      }),
    );
  });

  for (const [value, measure, shown] of [
    ["5", "2", "2.5"],
    ["2", "3", "0.6666"],
    ["-2", "3", "-0.6666"],
    ["-0.00001", "3", "0"],
    ["1e300", "0.1", `1${"0".repeat(301)}`],
  ] as const)
    it(`show ${value} / ${measure} as ${shown}`, () => {
      const [a, b] = [readDecimal(value), readDecimal(measure)];
      assert.ok(a && b);
      assert.equal(showTimes(a, b), shown);
    });
});

describe("two outputs that have to be the same", () => {
  const differences = (on: string, off: string) =>
    findDifferences(parseExactly(on), parseExactly(off)).map(({ fault }) => fault);

  for (const [what, on, off, said] of [
    ["another order of fields", '{"a":1,"b":[2]}', '{"b":[2],"a":1}', []],
    [
      "a number that a float can't tell apart",
      '{"a":12345678901234567.10}',
      '{"a":12345678901234567.11}',
      ["a: expected the same as with the flag off, got another value"],
    ],
    [
      "a number as a text",
      '{"a":"1"}',
      '{"a":1}',
      ["a: expected the same as with the flag off, got another value"],
    ],
    [
      "null as a text",
      '{"a":"null"}',
      '{"a":null}',
      ["a: expected the same as with the flag off, got another value"],
    ],
    ["a shorter list", '{"a":[1]}', '{"a":[1,2]}', ["a: expected 2 elements as with the flag off, got 1"]],
    ["a field too many", '{"a":1,"b":2}', '{"a":1}', ["b: expected it not to be there as with the flag off"]],
    ["a field too few", '{"c":{}}', '{"c":{"d":1}}', ["c.d: expected it to be there as with the flag off"]],
    [
      "a value within lists",
      '{"costs":[{"amount":"1.00"},{"amount":"2.01"}]}',
      '{"costs":[{"amount":"1.00"},{"amount":"2.00"}]}',
      ["costs[1].amount: expected the same as with the flag off, got another value"],
    ],
    [
      "a list for an object",
      "[]",
      "{}",
      ["output: expected the same as with the flag off, got another value"],
    ],
  ] as const)
    it(`are told apart by field, never by value: ${what}`, () =>
      assert.deepEqual(differences(on, off), said));
});
