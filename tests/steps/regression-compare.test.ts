import assert from "node:assert/strict";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { compareBytes } from "../../postgres/deals/key-order.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { change } from "./preflight-deps.ts";
import { compareDeals, lineOf, type SnapshotDeal, section, writeSnapshot } from "./regression-fixture.ts";

const deal = (key: string, analysis: string | null, more: Partial<SnapshotDeal> = {}): SnapshotDeal => ({
  ...{ key, analysis },
  ...more,
});
const cost = (text: string) => `{"cost_total":${text},"note":"x"}`;
const OFF = "analysis.cost_total: expected within 5 % of the value before, got";
const ANOTHER = "expected the same as before, got another value";

async function faultsOf(
  before: string | null,
  after: string | null,
  more: Partial<SnapshotDeal> = {},
  changed = {},
) {
  const { said } = await compareDeals([deal("7", before, more)], [deal("7", after, more)], changed);
  return said.flatMap(([, ...faults]) => faults);
}

describe("comparison of two snapshots", () => {
  for (const [before, after, said] of [
    ['"100.00"', '"105.00"', []],
    ['"100.00"', '"95.00"', []],
    ['"100.00"', '"105.01"', [`${OFF} 1.0501 times`]],
    ['"100.00"', '"94.99"', [`${OFF} 0.9499 times`]],
    // Costs are compared by their value, whatever they are spelled like.
    ['"1.10"', '"1.1"', []],
    ['"1.10"', "1.1", [`analysis.cost_total: ${ANOTHER}`]],
    ["1.5e3", "1500.0", []],
    ["-0", "0", []],
    ['"-100.00"', '"-105.00"', []],
    ['"-100.00"', '"-105.01"', [`${OFF} 1.0501 times`]],
    ['"0.00"', '"0.01"', [`${OFF} something of 0`]],
    ["1e400", "1.06e400", [`${OFF} 1.06 times`]],
    ["1e400", "1.05e400", []],
    ["1e-400", "1.05e-400", []],
    ["123456789012345678901234567890.00", "129629628462962962846296296284.50", []],
    ["123456789012345678901234567890.00", "129629628462962962846296296284.51", [`${OFF} 1.05 times`]],
    ['"n/a"', '"none"', ["analysis.cost_total: expected a decimal now and before, got another value"]],
  ] as [string, string, string[]][])
    it(`compares a cost as a decimal: ${before} and then ${after}`, async () => {
      const found = await faultsOf(cost(before), cost(after));
      assert.deepEqual(found.slice(1), said);
      assert.deepEqual(found.slice(0, 1), said.length > 0 ? ["different"] : []);
    });

  for (const [what, before, after, said] of [
    ["another text", '{"note":"ü"}', '{"note":"u\\u0308"}', [`analysis.note: ${ANOTHER}`]],
    ["a number spelled otherwise", '{"n":1.10}', '{"n":1.1}', [`analysis.n: ${ANOTHER}`]],
    ["the same text, escaped", '{"note":"ü\\n"}', '{"note":"\\u00fc\\u000a"}', []],
    ["another order of fields", '{"a":1,"b":2}', '{"b":2,"a":1}', []],
    ["a field too few", '{"a":1,"b":2}', '{"a":1}', ["analysis.b: expected it to be there as before"]],
    [
      "a cost of another kind",
      '{"costs":[{"kind":"x","amount":"1"}]}',
      '{"costs":[{"kind":"y","amount":"1"}]}',
      [`analysis.costs[0].kind: ${ANOTHER}`],
    ],
    [
      "a cost too many",
      '{"costs":[]}',
      '{"costs":[{"amount":"1"}]}',
      ["analysis.costs: expected 0 elements as before, got 1"],
    ],
    [
      "an old type and what it means",
      '{"deal_type":null,"a":[{"deal_type":"carve-out"}]}',
      '{"deal_type":"acquisition","a":[{"deal_type":"carveout"}]}',
      [],
    ],
    [
      "another type",
      '{"deal_type":"carve-out"}',
      '{"deal_type":"acquisition"}',
      [`analysis.deal_type: ${ANOTHER}`],
    ],
    [
      "a type within a text",
      '{"note":"{\\"deal_type\\":null}"}',
      '{"note":"{\\"deal_type\\":\\"acquisition\\"}"}',
      [`analysis.note: ${ANOTHER}`],
    ],
    [
      "a field twice",
      '{"a":1}',
      '{"a":1,"a":2}',
      ["output: expected JSON that names no field twice, now and before, got another"],
    ],
  ] as [string, string, string, string[]][])
    it(`compares all else letter by letter: ${what}`, async () => {
      assert.deepEqual((await faultsOf(before, after)).slice(1), said);
    });

  const carveout = { type: "carveout" };
  const judged = (total: string, kind = "tsa", synergy = "none") =>
    `{"cost_total":"${total}","costs":[{"kind":"${kind}"}],"synergies":[{"kind":"${synergy}"}]}`;
  for (const [what, after, said] of [
    ["as they say", judged("150.00"), []],
    ["at the upper bound", judged("300.00"), []],
    [
      "too cheap",
      judged("149.99"),
      ["cost_total: expected 1.5 to 3 times the value before, got 1.4999 times"],
    ],
    [
      "without a TSA",
      judged("200.00", "x"),
      ['costs[].kind: expected to include "tsa", got 1 value without it'],
    ],
    [
      "with synergies",
      judged("200.00", "tsa", "consolidation"),
      ['synergies[].kind: expected none to be "consolidation", got it'],
    ],
    [
      "exactly as before",
      judged("100.00", "x"),
      [
        'costs[].kind: expected to include "tsa", got 1 value without it',
        "cost_total: expected 1.5 to 3 times the value before, got 1 times",
      ],
    ],
  ] as [string, string, string[]][])
    it(`judges a type by its rules, measured by what it was as an acquisition: ${what}`, async () => {
      assert.deepEqual((await faultsOf(judged("100.00", "x"), after, carveout)).slice(1), said);
    });

  it("leaves out what the configuration says is of no meaning, and takes its tolerance", async () => {
    const own = section({
      ignore: [{ field: "took", reason: "a duration" }],
      tolerance: { percent: "10.5", reason: "new price list" },
    });
    const before = '{"took":1,"cost_total":"100.00"}';
    assert.deepEqual(await faultsOf(before, '{"took":{},"cost_total":"110.50"}', {}, { section: own }), []);
    assert.deepEqual(await faultsOf(before, '{"cost_total":"110.51"}', {}, { section: own }), [
      "different",
      "analysis.cost_total: expected within 10.5 % of the value before, got 1.1051 times",
    ]);
  });

  it("tells missing, extra, failing and mended deals apart, in the order of the keys", async () => {
    const before = [deal("-2", "{}"), deal("9", "{}"), deal("10", null), deal("11", null), deal("12", "{}")];
    const after = [deal("9", null), deal("10", "{}"), deal("11", null), deal("12", "{}"), deal("100", "{}")];
    const { said, tally } = await compareDeals(before, after);
    assert.deepEqual(said, [
      ["-2", "missing"],
      ["9", "failing"],
      ["100", "extra"],
    ]);
    assert.deepEqual(
      [tally.classes.mended, tally.classes.unanswered, tally.compared, tally.exact],
      [1, 1, 1, 1],
    );
  });

  it("finds every planted regression and invents none, whatever the deals hold", async () => {
    const field = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 12 }).map((text) => JSON.stringify(text)),
      fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }).map(String),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => JSON.stringify(n)),
      fc.constantFrom("null", "-0", "1e400", "1.10", '["a",{"b":[]}]'),
    );
    const analysis = fc.tuple(field, field, fc.integer({ min: 1, max: 10 ** 9 }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(analysis, fc.constantFrom("no", "no", "no", "cost", "field", "gone")), {
          maxLength: 60,
        }),
        fc.boolean(),
        async (rows, spaced) => {
          const show = ([a, b, cents]: [string, string, number], off = 0, more = "") =>
            `{"deal_type":null,"a":${a},"b":{"c":${b}${more}},"cost_total":"${cents * 100 + off}"}`;
          const key = (index: number) => String((index - 20) * (spaced ? 977 : 1));
          const before = rows.map(([row], index) => deal(key(index), show(row), { type: null }));
          const after = rows.flatMap(([row, planted], index) => {
            const text =
              { no: show(row), cost: show(row, row[2] * 5 + 1), field: show(row, 0, ',"d":0'), gone: "" }[
                planted
              ] ?? "";
            return planted === "gone" ? [] : [deal(key(index), text.replace("null", '"acquisition"'))];
          });
          const { said } = await compareDeals(before, after);
          const planted = rows.flatMap(([, what], index) =>
            what === "no" ? [] : [[key(index), what === "gone" ? "missing" : "different"]],
          );
          assert.deepEqual(
            said.map((one) => one.slice(0, 2)),
            planted,
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it("finds the one of 100,000", async () => {
    const plain = (n: number, text: string) => deal(String(n), cost(text));
    const all = Array.from({ length: 100_000 }, (_, n) => plain(n, '"100.00"'));
    const { said, tally } = await compareDeals(all, all.with(77_777, plain(77_777, '"105.01"')));
    assert.deepEqual(said, [["77777", "different", `${OFF} 1.0501 times`]]);
    assert.deepEqual([tally.compared, tally.exact], [100_000, 99_999]);
  });

  it("names the worst first, and counts by type", async () => {
    const costs = ["106.00", "190.00", "150.00"];
    const { tally } = await compareDeals(
      [...costs.map((_, n) => deal(String(n), cost('"100.00"'))), deal("3", "{}"), deal("4", "{}")],
      [
        ...costs.map((text, n) => deal(String(n), cost(`"${text}"`))),
        deal("3", null),
        deal("4", '{"new":1}'),
      ],
    );
    assert.deepEqual(
      tally.worst.map(({ key }) => key),
      ["3", "4", "1", "2", "0"],
    );
    assert.deepEqual(tally.byType, { acquisition: { compared: 4, regressions: 5 } });
  });

  it("reads keys and outputs of any letters", async () => {
    const keys = ['a"\\', "ä/\n", "😀"].sort(compareBytes);
    const order = { local: true, compare: compareBytes };
    const before = keys.map((key) => deal(key, '{"a":"\\\\"}'));
    const { said } = await compareDeals(before, before.with(2, deal(keys[2] as string, '{"a":"\\""}')), {
      order,
    });
    assert.deepEqual(said, [[keys[2], "different", `analysis.a: ${ANOTHER}`]]);
  });
});

describe("a snapshot that is not what was kept", () => {
  const deals = Array.from({ length: 5000 }, (_, n) => deal(String(n), cost(`"${n}.00"`)));
  const lines = deals.map(lineOf);
  const compareWith = async (name: string, spoil: (path: string) => void) => {
    const folder = temporaryFolder("regression");
    const pre = writeSnapshot(join(folder, "pre.ndjson"), lines);
    const post = writeSnapshot(join(folder, name), lines);
    spoil(post.path);
    return compareDeals([], [], { pre, post });
  };
  const changeByte = (path: string) => {
    const bytes = readFileSync(path);
    bytes.writeUInt8((bytes.at(-2000) as number) ^ 1, bytes.length - 2000);
    writeFileSync(path, bytes);
  };

  for (const name of ["post.ndjson", "post.ndjson.gz"]) {
    it(`is found out by one changed byte: ${name}`, () =>
      assert.rejects(compareWith(name, changeByte), /The file was changed since it was taken/));
    it(`is found out when it is cut off: ${name}`, () =>
      assert.rejects(
        compareWith(name, (path) => truncateSync(path, readFileSync(path).length - 100)),
        /snapshot: expected .* got something else\. The file was changed/,
      ));
    it(`is found out when it is empty: ${name}`, () =>
      assert.rejects(
        compareWith(name, (path) => truncateSync(path, 0)),
        /The file was changed/,
      ));
  }

  for (const [what, keys, said] of [
    ["twice", ["1", "2", "2"], "got 2 after 2"],
    ["out of order", ["1", "10", "9"], "got 9 after 10"],
  ] as const)
    it(`is refused when it holds a deal ${what}`, () =>
      assert.rejects(
        compareDeals(
          [deal("1", "{}")],
          keys.map((key) => deal(key, "{}")),
        ),
        new RegExp(
          `expected each deal once and in the order of the keys in .*post.ndjson, ${said}\\. Take it again`,
        ),
      ));
});

it("a change without old spellings compares the type as any other text", async () => {
  const plain = { ...change, normalise: { spellings: {} } };
  assert.deepEqual(await faultsOf('{"deal_type":"a"}', '{"deal_type":"a"}', {}, { change: plain }), []);
  assert.deepEqual(
    (await faultsOf('{"deal_type":"a"}', '{"deal_type":"b"}', {}, { change: plain })).length,
    2,
  );
});
