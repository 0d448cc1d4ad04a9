import { equal, match } from "node:assert/strict";
import { renderFlagStatus } from "../../cli/flag/show-flag.ts";
import type { WorkerStatus } from "../../cli/status/contract.ts";

const worker = (value: boolean | null): WorkerStatus => ({
  ...{
    host: "a",
    unit: "web",
    pid: 1,
    startedAt: "2026-03-02T08:00:00.000Z",
    release: "c".repeat(40),
    value,
    by: "health",
    unknown: [],
    reason: null,
  },
});

const untold = (): WorkerStatus => ({
  ...worker(null),
  ...{ by: "process", unknown: ["flag"], reason: "it has no health address; flag unknown: …" },
});

const CASES: [string, boolean, (boolean | null)[], string][] = [
  ["all as wanted", true, [true, true], "2 processes answered, all agree"],
  ["one that is not", true, [true, false], "2 processes answered, 1 do not agree"],
  [
    "code without a flag, as in phases 0, 1 and 4",
    true,
    [null, null],
    "2 processes answered, none of them knows it: it counts in phases 2 and 3",
  ],
  ["some that know no flag", false, [false, null], "2 processes answered, 1 know no flag, the others agree"],
  ["none that answered", true, [], "0 processes answered"],
];

describe("flag status", () => {
  for (const [what, wanted, values, expected] of CASES) {
    it(`tells ${what}`, () => {
      const [first] = renderFlagStatus({ flag: { wanted, workers: values.map(worker) }, errors: [] });
      equal(first, `flag ${wanted ? "on" : "off"} wanted; ${expected}`);
    });
  }

  it("tells apart what processes say, what the host sees of them, and what nobody knows", () => {
    const workers = [worker(true), { ...worker(true), by: "process" as const }, untold()];
    const [first, said, seen, unknown] = renderFlagStatus({ flag: { wanted: true, workers }, errors: [] });
    equal(
      first,
      "flag on wanted; 1 processes answered, 2 more are seen by the host (weaker), of 1 it is not known, the others agree",
    );
    equal(said, "  a web pid 1: flag on (release cccccccccccc, since 2026-03-02T08:00:00.000Z)");
    equal(seen, `${said}; by the host's look, weaker`);
    match(
      unknown ?? "",
      /flag unknown .*; by the host's look, weaker: it has no health address; flag unknown/,
    );
  });
});
