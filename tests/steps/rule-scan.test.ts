import assert from "node:assert/strict";
import fc from "fast-check";
import type { OutputRule } from "../../config/output-rule.ts";
import { RuleScan } from "../../steps/regression/rule-scan.ts";
import { judgeOutputs, type Outputs, parseExactly } from "../../steps/snapshot/output-rules.ts";

/** In the midst of a line, as it lies in a snapshot. */
function bytesOf(json: string) {
  const bytes = Buffer.from(`xx${json}}`);
  return { bytes, from: 2, to: bytes.length - 1 };
}

const holds = (rules: OutputRule[], output: string, measure = output) =>
  new RuleScan(rules).holds(bytesOf(output), bytesOf(measure));
const isGood = (rules: OutputRule[], output: string, measure = output) => {
  try {
    return (
      judgeOutputs(rules, parseExactly(output) as Outputs, parseExactly(measure) as Outputs).length === 0
    );
  } catch {
    return false;
  }
};

describe("one pass over the bytes of an output", () => {
  for (const [what, rule, json] of [
    [
      "a value in lists",
      { field: "costs[].kind", includes: "tsa" },
      '{"a":{"costs":[{"kind":"x"},{"kind":"tsa"}]}}',
    ],
    ["a number as a text", { field: "n", includes: "7" }, '{"a":{"n":7}}'],
    ["an empty list", { field: "costs[].kind", excludes: "tsa" }, '{"a":{"costs":[]}}'],
    ["another request", { field: "n", request: "b", includes: "ü" }, '{"a":{"n":"x"},"b":{"n":"ü"}}'],
    [
      "a ratio of one",
      { field: "n", ratio: { min: "1", max: "1" } },
      '{"a":{"o":{},"n":"12345678901234567890.10"}}',
    ],
  ] as [string, OutputRule, string][])
    it(`tells that a rule holds: ${what}`, () => assert.ok(holds([rule], json)));

  for (const [what, rule, json] of [
    ["a name in escapes", { field: "kind", excludes: "tsa" }, '{"a":{"k\\u0069nd":"tsa"}}'],
    ["a value in escapes", { field: "kind", excludes: "tsa" }, '{"a":{"kind":"ts\\u0061"}}'],
    ["a list where one value is wanted", { field: "kind", excludes: '["tsa"]' }, '{"a":{"kind":["tsa"]}}'],
    [
      "a request whose name is a digit",
      { field: "kind", excludes: "tsa" },
      '{"a":{"kind":"x"},"1":{"kind":"tsa"}}',
    ],
    ["two values of a ratio", { field: "n[]", ratio: { min: "0", max: "9" } }, '{"a":{"n":[1,2]}}'],
    ["what is no object", { field: "n", excludes: "x" }, '{"a"'],
  ] as [string, OutputRule, string][])
    it(`leaves to a full reading: ${what}`, () => assert.equal(holds([rule], json), false));

  it("never says that a rule holds that does not", () => {
    const name = fc.constantFrom("a", "b", "c", "kind", "1", 'k"', "ü");
    const leaf = fc.constantFrom("tsa", "x", "", 'a"b\\', 7, 1.5, -0.5, null, true, "7", "1e3", "-2");
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(name, tie("value"), { maxKeys: 4 }),
      ),
    }));
    const outputs = fc.dictionary(name, value, { maxKeys: 3 }).map((one) => JSON.stringify(one));
    const field = fc
      .array(fc.tuple(fc.constantFrom("a", "b", "c", "kind"), fc.constantFrom("", "[]")), {
        minLength: 1,
        maxLength: 3,
      })
      .map((parts) => parts.map((part) => part.join("")).join("."));
    const text = fc.constantFrom("tsa", "x", "7", "null", "true", "1.5");
    const bound = fc.constantFrom("0", "0.5", "1", "3", "1000");
    const demand = fc.oneof(
      fc.record({ includes: text }),
      fc.record({ excludes: text }),
      fc.tuple(bound, bound).map(([min, max]) => ({ ratio: { min, max } })),
    );
    const rule = fc
      .tuple(field, demand, fc.option(fc.constantFrom("a", "b")))
      .map(
        ([path, what, request]) => ({ field: path, ...what, ...(request ? { request } : {}) }) as OutputRule,
      );
    let told = 0;
    fc.assert(
      fc.property(
        fc.array(rule, { minLength: 1, maxLength: 3 }),
        outputs,
        outputs,
        (rules, output, measure) => {
          if (!holds(rules, output, measure)) return;
          told += 1;
          assert.ok(isGood(rules, output, measure), JSON.stringify({ rules, output, measure }));
        },
      ),
      { numRuns: 5000 },
    );
    assert.ok(told > 200, `${told} told`);
  });
});
