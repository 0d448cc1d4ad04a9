import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readJunitReport } from "../../steps/suite/junit-report.ts";
import { temporaryFolder } from "../temporary-folder.ts";

async function read(xml: string | Buffer, root = "/srv/app") {
  const file = join(temporaryFolder(), "report.xml");
  writeFileSync(file, xml);
  return readJunitReport(file, root);
}

const suites = (body: string) => `<?xml version="1.0"?><testsuites>${body}</testsuites>`;

describe("JUnit report", () => {
  it("tells passed, failed, errored, skipped and expected failures apart, as pytest writes them", async () => {
    const tests = await read(
      suites(`<testsuite name="pytest" tests="5">
        <testcase classname="tests.test_a.TestC" name="test_p[x::y [z]]" time="0.5"/>
        <testcase classname="tests.test_a" name="test_bad"><failure message="assert 1 == 2&#10;more">long text</failure></testcase>
        <testcase classname="tests.test_a" name="test_su"><error message="failed on setup">Traceback</error></testcase>
        <testcase classname="tests.test_a" name="test_skip"><skipped type="pytest.skip" message="no"/></testcase>
        <testcase classname="tests.test_a" name="test_xf"><skipped type="pytest.xfail" message=""/></testcase>
      </testsuite>`),
    );
    assert.deepEqual(tests, [
      { id: "tests.test_a.TestC::test_p[x::y [z]]", status: "passed", seconds: "0.5" },
      { id: "tests.test_a::test_bad", status: "failed", message: "assert 1 == 2 more" },
      { id: "tests.test_a::test_su", status: "failed", message: "failed on setup" },
      { id: "tests.test_a::test_skip", status: "skipped", message: "no" },
      { id: "tests.test_a::test_xf", status: "skipped" },
    ]);
  });

  it("takes a test and its failing teardown for one test, and two tests of one name for two", async () => {
    const tests = await read(
      suites(`<testsuite name="s"><testcase classname="c" name="a"><failure message="f"/></testcase>
        <testcase classname="c" name="a"><error message="failed on teardown"/></testcase>
        <testcase classname="c" name="b"/><testcase classname="c" name="b"><failure message="f"/></testcase></testsuite>`),
    );
    assert.deepEqual(
      tests.map(({ id, status }) => `${id} ${status}`),
      ["c::a failed", "c::b passed", "c::b#2 failed"],
    );
  });

  it("names the tests of Node's own runner by the suites around them, and its files without the release's folder", async () => {
    const tests = await read(
      suites(`<testcase name="top" classname="test"/>
        <testsuite name="deals"><testsuite name="form"><testcase name="asks" classname="test"/></testsuite>
          <testcase name="later" classname="test"><skipped type="todo"/><failure message="x"/></testcase></testsuite>
        <testcase name="/srv/app/tests/crash.test.ts" classname="test"><failure message="test failed"/></testcase>
        <testcase name="/srv/app/tests/empty.test.ts" classname="test"/>`),
    );
    assert.deepEqual(
      tests.map(({ id, status }) => `${id} ${status}`),
      ["top passed", "deals > form::asks passed", "deals::later skipped", "tests/crash.test.ts failed"],
    );
  });

  it("shows names and messages on one line without what a terminal would act on", async () => {
    const [test] = await read(
      suites(
        `<testsuite name="s"><testcase name="a \u001b[31mred\u001b[0m" classname="c"><failure>\n  first\n  second</failure></testcase></testsuite>`,
      ),
    );
    assert.equal(test?.id, "c::a red");
    assert.equal(test?.message, "first second");
  });

  for (const [what, xml, reason] of [
    ["is empty", "", /it is empty/],
    ["is cut off", `<testsuites><testsuite name="s"><testcase name="a"/>`, /Unclosed root tag/],
    ["is cut off within a tag", `<testsuites><testcase na`, /Unclosed root tag \(line 1\)/],
    ["is no XML", "hello", /Non-whitespace before first tag/],
    ["is another document", "<html/>", /expected <testsuites> or <testsuite> at its root, got <html>/],
  ] as const)
    it(`is refused when it ${what}`, () =>
      assert.rejects(read(xml), { name: "UnreadableReport", message: reason }));

  const inSuite = (body: string) => suites(`<testsuite name="s">${body}</testsuite>`);
  const statuses: [string, string, [string, string][]][] = [
    [
      "GoogleTest's disabled ones",
      inSuite(
        '<testcase name="a" status="run" result="completed"/><testcase name="b" status="notrun" result="suppressed"/>',
      ),
      [
        ["s::a", "passed"],
        ["s::b", "skipped"],
      ],
    ],
    [
      "CTest's",
      inSuite(
        '<testcase name="a" status="run"/><testcase name="b" status="fail"/><testcase name="c" status="disabled"/>',
      ),
      [
        ["s::a", "passed"],
        ["s::b", "failed"],
        ["s::c", "skipped"],
      ],
    ],
    [
      "behave's and others' that say it by attributes alone",
      inSuite(
        '<testcase name="a" status="undefined"/><testcase name="b" result="failed"/><testcase name="c" success="false"/>',
      ),
      [
        ["s::a", "failed"],
        ["s::b", "failed"],
        ["s::c", "failed"],
      ],
    ],
    [
      "PHPUnit's warnings",
      inSuite("<testcase name='a'><warning>No tests found</warning></testcase>"),
      [["s::a", "failed"]],
    ],
    [
      "a suite's that could not be set up",
      inSuite('<testcase name="a"/><error message="beforeAll failed">x</error><testcase name="b"/>'),
      [
        ["s::a", "passed"],
        ["s::(the suite as a whole)", "failed"],
        ["s::b", "passed"],
      ],
    ],
    [
      "those in a namespace",
      '<j:testsuites xmlns:j="urn:x"><j:testsuite name="s"><j:testcase name="a"><j:failure/></j:testcase></j:testsuite></j:testsuites>',
      [["s::a", "failed"]],
    ],
    [
      "a message's with the colours of a terminal",
      inSuite('<testcase name="a"><failure>&#x1b;[31mred&#27;[0m</failure></testcase>'),
      [["s::a", "failed"]],
    ],
  ];
  for (const [what, xml, expected] of statuses)
    it(`reads ${what}`, async () =>
      assert.deepEqual(
        (await read(xml)).map(({ id, status }) => [id, status]),
        expected,
      ));

  it("is read in the encoding that it names or is marked with, and refused in one that nobody knows", async () => {
    const text = (encoding: string) =>
      `<?xml version="1.0" encoding="${encoding}"?>${inSuite('<testcase name="größe"/><testcase name="grüße"/>').replace(/^<\?.*?\?>/, "")}`;
    for (const bytes of [
      Buffer.from(text("ISO-8859-1"), "latin1"),
      Buffer.from(`\ufeff${text("UTF-16")}`, "utf16le"),
      Buffer.from(`\ufeff${text("UTF-8")}`),
    ])
      assert.deepEqual(
        (await read(bytes)).map(({ id }) => id),
        ["s::größe", "s::grüße"],
      );
    await assert.rejects(read(text("klingon")), {
      name: "UnreadableReport",
      message: /encoding that is known, got "klingon"/,
    });
  });

  it("is refused when it is not there", () =>
    assert.rejects(readJunitReport("/nowhere/report.xml", "/"), {
      name: "UnreadableReport",
      message: "there is none",
    }));

  it("expands no entity of its own: a small file can't become a large one, nor fetch another", async () => {
    const bomb = `<!DOCTYPE x [<!ENTITY a "lol"><!ENTITY b SYSTEM "file:///etc/passwd">]><testsuites><testcase name="&a;&b;"/></testsuites>`;
    await assert.rejects(read(bomb), { name: "UnreadableReport", message: /Invalid character entity/ });
  });
});
