import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { readJunitReport } from "../../steps/suite/junit-report.ts";
import { temporaryFolder } from "../temporary-folder.ts";

async function read(body: string, root = "testsuites") {
  const file = join(temporaryFolder(), "report.xml");
  writeFileSync(file, `<?xml version="1.0"?><${root}>${body}</${root.split(" ")[0]}>`);
  return (await readJunitReport(file, "/srv/app")).map(({ id, status }) => `${id} ${status}`);
}

const c = (name: string, inside = "", more = "") =>
  `<testcase classname="c" name="${name}" time="0.1"${more}>${inside}</testcase>`;
const bad = `<failure message="boom">trace</failure>`;

/** One test: how often it failed, and what became of it in the end. */
interface Fate {
  failed: number;
  end: "passed" | "failed" | "skipped";
}
const skipped = "<skipped/>";
const tries = ({ failed, end }: Fate, failing: string): string[] =>
  end === "skipped" ? [skipped] : [...Array(failed).fill(failing), end === "failed" ? bad : ""];
const times = (text: string, count: number) => Array(count).fill(text).join("");
const inOneCase = (retried: string, last: string) => (name: string, fate: Fate) => {
  if (fate.end === "skipped") return c(name, skipped);
  return fate.end === "failed"
    ? c(name, bad + times(last, fate.failed))
    : c(name, times(retried, fate.failed));
};

/** How runners write tests that were tried again. */
const DIALECTS: Record<string, (fates: Fate[]) => [body: string, root?: string]> = {
  "pytest-rerunfailures (a failed try looks like one that passed)": (fates) => {
    const cases = fates.flatMap((fate, n) => tries(fate, "").map((inside) => c(`t${n}`, inside)));
    return [`<testsuite name="pytest" tests="${fates.length}">${cases.join("")}</testsuite>`];
  },
  "pytest, its suite called otherwise": (fates) => {
    const cases = fates.flatMap((fate, n) => tries(fate, "").map((inside) => c(`t${n}`, inside)));
    return [
      `<testsuite name="api" tests="${fates.length}">${cases.join("")}</testsuite>`,
      `testsuites name="pytest tests"`,
    ];
  },
  "Surefire (flakyFailure, rerunFailure)": (fates) => {
    const one = inOneCase(
      `<flakyFailure message="boom" type="x"><stackTrace>at x</stackTrace><system-out>out</system-out></flakyFailure>`,
      `<rerunFailure message="boom" type="x"><stackTrace>at x</stackTrace></rerunFailure>`,
    );
    return [
      `<testsuite name="s" tests="${fates.length}">${fates.map((fate, n) => one(`t${n}`, fate)).join("")}</testsuite>`,
    ];
  },
  "Surefire and nextest (flakyError, rerunError)": (fates) => {
    const one = inOneCase(`<flakyError type="x">boom</flakyError>`, `<rerunError type="x">boom</rerunError>`);
    return [`<testsuite name="s">${fates.map((fate, n) => one(`t${n}`, fate)).join("")}</testsuite>`];
  },
  "Gradle's retry plugin (every try a case)": (fates) => {
    const cases = fates.flatMap((fate, n) => tries(fate, bad).map((inside) => c(`t${n}`, inside)));
    return [`<testsuite name="c" tests="${cases.length}" failures="3">${cases.join("")}</testsuite>`];
  },
  "gotestsum (all failures first)": (fates) => {
    const all = fates.flatMap((fate, n) =>
      tries(fate, bad).map((inside) => ({ inside, text: c(`t${n}`, inside) })),
    );
    const ordered = [
      ...all.filter(({ inside }) => inside === bad),
      ...all.filter(({ inside }) => inside !== bad),
    ];
    return [
      `<testsuite name="example.com/pkg" tests="${all.length}">${ordered.map(({ text }) => text).join("")}</testsuite>`,
    ];
  },
  "a report of the failed tests alone, merged behind the first": (fates) => {
    const rounds: string[] = [];
    for (let round = 0; ; round += 1) {
      const cases = fates.flatMap((fate, n) =>
        tries(fate, bad)
          .slice(round, round + 1)
          .map((inside) => c(`t${n}`, inside)),
      );
      if (cases.length === 0) break;
      rounds.push(`<testsuite name="s" hostname="h" timestamp="${round}">${cases.join("")}</testsuite>`);
    }
    return [rounds.join("")];
  },
};

const fate = fc.record({
  failed: fc.integer({ min: 0, max: 3 }),
  end: fc.constantFrom("passed" as const, "failed" as const, "skipped" as const),
});

describe("JUnit report of tests that were tried again", () => {
  for (const [dialect, write] of Object.entries(DIALECTS))
    it(`has one result for each test, by its last try, flaky where one before it failed: ${dialect}`, () =>
      fc.assert(
        fc.asyncProperty(fc.array(fate, { minLength: 1, maxLength: 8 }), async (fates) => {
          const expected = fates.map(
            ({ failed, end }, n) => `c::t${n} ${end === "passed" && failed > 0 ? "flaky" : end}`,
          );
          assert.deepEqual((await read(...write(fates))).sort(), expected.sort());
        }),
        { numRuns: 40 },
      ));

  it("says of a flaky test why it failed at first", async () => {
    const file = join(temporaryFolder(), "report.xml");
    writeFileSync(file, `<testsuite name="s">${c("a", bad)}${c("a")}</testsuite>`);
    assert.deepEqual(await readJunitReport(file, "/"), [
      { id: "c::a", status: "flaky", seconds: "0.1", message: "boom" },
    ]);
  });

  it("takes a test that Firebase calls flaky for flaky, though its failure stands there", async () =>
    assert.deepEqual(await read(`<testsuite name="s">${c("a", bad, ' flaky="true"')}</testsuite>`), [
      "c::a flaky",
    ]));

  for (const [what, body, expected] of [
    [
      "in two browsers",
      `<testsuite name="a.spec.ts" hostname="chromium">${c("a", bad)}</testsuite><testsuite name="a.spec.ts" hostname="webkit">${c("a")}</testsuite>`,
      ["c::a failed", "c::a#2 passed"],
    ],
    [
      "in two files",
      `<testsuite name="s">${c("a", bad, ' file="one.rb"')}${c("a", "", ' file="two.rb"')}</testsuite>`,
      ["c::a failed", "c::a#2 passed"],
    ],
    [
      "in two suites of one title that both have other tests too",
      `<testsuite name="Deals">${c("a", bad)}${c("b")}</testsuite><testsuite name="Deals">${c("a")}${c("z")}</testsuite>`,
      ["c::a failed", "c::b passed", "c::a#2 passed", "c::z passed"],
    ],
    [
      "of which the first passed",
      `<testsuite name="s">${c("a")}${c("a", bad)}</testsuite>`,
      ["c::a passed", "c::a#2 failed"],
    ],
    [
      "of which the second was skipped",
      `<testsuite name="s">${c("a", bad)}${c("a", skipped)}</testsuite>`,
      ["c::a failed", "c::a#2 skipped"],
    ],
    [
      "of Node's runner, which tries nothing again",
      `<testcase name="a" classname="test">${bad}</testcase><testcase name="a" classname="test"/>`,
      ["a failed", "a#2 passed"],
    ],
  ] as const)
    it(`never hides one of two tests of one name behind the other: ${what}`, async () =>
      assert.deepEqual(await read(body), expected));
});
