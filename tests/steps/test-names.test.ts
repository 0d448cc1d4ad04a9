import assert from "node:assert/strict";
import fc from "fast-check";
import { compareSuites } from "../../steps/suite/compare-suites.ts";
import { atTheirNames } from "../../steps/suite/known-failures.ts";
import type { TestStatus } from "../../steps/suite/suite-results.ts";
import { fillCommand } from "../../steps/suite/suite-run.ts";
import { changingParts, pairNames } from "../../steps/suite/test-names.ts";

const NOW = new Date("2026-11-28T10:00:00Z");
const test = (id: string, status: TestStatus = "passed") => ({ id, status });

/** The same test in two runs, and what of its name changes. */
const CHANGING = [
  [
    "t::p[<object object at 0x7f2048f4d6d0>]",
    "t::p[<object object at 0x7f10aa0016d0>]",
    "an address in memory",
  ],
  ["t::p[<function f at 0x102a4b0>-x]", "t::p[<function f at 0x55ce01>-x]", "an address in memory"],
  ["C::f[$$Lambda$14/0x00000008@1b2c3d]", "C::f[$$Lambda$14/0x000000a8@7b2c3e]", "an address in memory"],
  ["C::eats[com.x.Foo@5e2de80c]", "C::eats[com.x.Foo@1b2c3d4]", "an address in memory"],
  ["spec::is #<Deal:0x000078e1a3>", "spec::is #<Deal:0x000011e1a3>", "an address in memory"],
  ["t::p[/tmp/pytest-of-ci/pytest-12/a0]", "t::p[/tmp/pytest-of-ci/pytest-13/a0]", "a temporary path"],
  ["t::p[/var/folders/zz/T/x.db-on]", "t::p[/var/folders/yy/T/y.db-on]", "a temporary path"],
  ["t::p[6fa459ea-ee8a-4ca4-894e-db77e160355e]", "t::p[16fd2706-8baf-433b-82eb-8c7fada847da]", "a UUID"],
  ["t::p[2026-11-28T09:59:01.123456]", "t::p[2026-12-24T23:00:00.000001]", "a time"],
  ["t::p[datetime.datetime(2026, 11, 28, 9, 59)]", "t::p[datetime.datetime(2027, 1, 2, 3, 4)]", "a time"],
  ["t::p[1795860000]", "t::p[1795870001]", "a number of the moment"],
  ["t::p[{'b', 'a'}]", "t::p[{'a', 'b'}]", "a set, whose order changes"],
  ["t::p[frozenset({1, 2, 3})]", "t::p[frozenset({3, 1, 2})]", "a set, whose order changes"],
] as const;

describe("a test's name that changes from run to run", () => {
  for (const [before, now, part] of CHANGING)
    it(`is told with what changes, and compared without it: ${before}`, () => {
      assert.deepEqual(changingParts(before, NOW), [part]);
      const { vanished, added, renamed, clean } = compareSuites([test(before)], [test(now)]);
      assert.deepEqual(
        { vanished, added, renamed, clean },
        { vanished: [], added: [], renamed: [now], clean: true },
      );
      assert.deepEqual(compareSuites([test(before)], [test(now, "failed")]).newFailures, [now]);
    });

  it("is compared without an id that may as well be chosen, of which nothing is told", () => {
    for (const [before, now] of [
      ["t::p[3f2504e04f8941d39a0c0305e82c3301]", "t::p[a72504e04f8941d39a0c0305e82c33ff]"],
      ["t::p[507f1f77bcf86cd799439011]", "t::p[607f1f77bcf86cd799439022]"],
    ] as const) {
      assert.deepEqual(changingParts(before, NOW), []);
      assert.deepEqual(compareSuites([test(before)], [test(now)]).renamed, [now]);
    }
  });

  for (const name of [
    "t::leap[2024-02-29]",
    "t::p[0-1]",
    "t::p[1234567890]",
    "t::p[{'a': 1}]",
    "t::at[0x1f]",
    "a@b.example",
  ])
    it(`is not told of one that somebody chose: ${name}`, () =>
      assert.deepEqual(changingParts(name, NOW), []));

  it("keeps tests apart that differ in a chosen date or address, as long as their names are there", () => {
    const names = ["t::leap[2023-02-28]", "t::leap[2024-02-29]", "t::p[0x10000000]", "t::p[0x20000000]"];
    const { newFailures, vanished } = compareSuites(
      names.map((id) => test(id)),
      names.slice(1).map((id, n) => test(id, n === 0 ? "failed" : "passed")),
    );
    assert.deepEqual([newFailures, vanished], [["t::leap[2024-02-29]"], ["t::leap[2023-02-28]"]]);
  });

  it("is a known failure, and a retired one, whatever address it was listed with", () => {
    const entry = { test: "t::p[<O at 0x7f0000000001>]", reason: "r", date: "2026-01-01" };
    const run = [test("t::p[<O at 0x7f9999999990>]"), test("t::p[<O at 0x7f9999999991>]", "failed")];
    assert.equal(atTheirNames([entry], run)[0]?.test, "t::p[<O at 0x7f9999999991>]");
    assert.equal(atTheirNames([{ ...entry, test: "t::other" }], run)[0]?.test, "t::other");
  });

  it("is asked for again by what of it stays", () => {
    const tests = ["tests/a.py::p[<O at 0x7f0000000001>]", "tests/a.py::q[1]"];
    assert.deepEqual(fillCommand(["run", "{names}", "{tests}"], { tests }, "/r"), [
      ...["run", "^(?:p\\[<O at .*>\\]|q\\[1\\])$", "tests/a.py::p", "tests/a.py::q[1]"],
    ]);
  });

  it("counts every test once, and a new failure as one, however many names change at once", () =>
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom<TestStatus>("passed", "failed", "skipped"), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 0, max: 7 }),
        (statuses, turned) => {
          const at = (n: number, base: number) => `t::p[<O at 0x${(base + n * 16).toString(16)}>]`;
          const before = statuses.map((status, n) => test(at(n, 0x7f0000000000), status));
          const rotated = [...statuses.slice(turned), ...statuses.slice(0, turned)];
          const now = rotated.map((status, n) => test(at(n, 0x7e0000000000), status));
          assert.ok(compareSuites(before, now).clean);
          const passing = rotated.indexOf("passed");
          if (passing < 0) return;
          const worse = now.map((each, n) => (n === passing ? test(each.id, "failed") : each));
          assert.equal(compareSuites(before, worse).newFailures.length, 1);
          assert.equal(compareSuites(before, now.slice(1)).vanished.length, 1);
        },
      ),
    ));

  it("may be one of parameters in another order, numbered by it", () => {
    const order = (...names: string[]) => names.map((name) => test(`t::p[${name}]`));
    assert.ok(compareSuites(order("a-0", "b-1", "c-2"), order("c-0", "a-1", "b-2")).clean);
    const { vanished, added } = compareSuites(order("a-0", "b-1"), order("b-0", "x-1"));
    assert.deepEqual(
      [vanished, added],
      [
        ["t::p[a-0]", "t::p[b-1]"],
        ["t::p[b-0]", "t::p[x-1]"],
      ],
    );
  });

  it("is paired with one other alone", () =>
    assert.deepEqual(
      [...pairNames(["x 0x7f000001"], ["x 0x7f000002", "x 0x7f000003"])],
      [["x 0x7f000002", "x 0x7f000001"]],
    ));
});
