import assert from "node:assert/strict";
import { Dependency } from "../../config/dependency.ts";
import { checkDependency, judgeVersion } from "../../steps/environment/dependency-version.ts";

const python = { name: "python", command: ["python", "--version"], minimum: "3.11" };
const printed = (stdout: string, stderr = "") => ({ exitCode: 0, stdout, stderr });
const never = new AbortController().signal;

describe("dependency version", () => {
  const table: [string, Dependency, string, string][] = [
    ["Python 3.11.2", python, "ok", "3.11.2"],
    ["Python 3.9.18", python, "failed", "3.9.18"],
    ["Python 3.100.0", python, "ok", "3.100.0"],
    ["v20.20.0", { name: "node", command: ["node"], minimum: "20.19" }, "ok", "20.20.0"],
    [
      "pg_dump (PostgreSQL) 15.14 (Debian 15.14-0)",
      { name: "pg_dump", command: ["pg_dump"], minimum: "15" },
      "ok",
      "15.14",
    ],
    [
      "tool build 7",
      { name: "tool", command: ["tool"], pattern: "build (\\d+)", minimum: "8" },
      "failed",
      "7",
    ],
    ["no number here", python, "failed", 'no version in "no number here"'],
    ["hello", { name: "tool", command: ["tool"] }, "ok", "hello"],
    ["", { name: "tool", command: ["tool"] }, "ok", "present"],
  ];
  for (const [output, dependency, status, found] of table) {
    it(`reads ${JSON.stringify(output)} for ${dependency.name} ${dependency.minimum ?? ""} as ${status}`, () => {
      const item = judgeVersion(dependency, printed(output));
      assert.deepEqual([item.status, item.found], [status, found]);
    });
  }

  it("reads versions that programs print on stderr", () => {
    assert.equal(judgeVersion(python, printed("", "Python 3.12.1")).status, "ok");
  });

  it("names the program that is not there, with what to do", async () => {
    const item = await checkDependency({ ...python, command: ["no-such-python"] }, never);
    assert.equal(item.found, "no program no-such-python on PATH");
    assert.equal(item.remedy, "Install python 3.11 or newer, or correct its command in the stack config.");
  });

  it("says the exit code and the first line of the error when the command fails", async () => {
    const command = ["sh", "-c", "echo 'No module named flask' >&2; exit 1"];
    const item = await checkDependency({ name: "flask", command }, never);
    assert.equal(item.status, "failed");
    assert.match(item.found, /^exit code 1 of sh .*: No module named flask$/);
  });

  it("bounds and cleans what a program prints", async () => {
    const command = ["sh", "-c", "printf '\\033[31mred\\007'; head -c 500 /dev/zero | tr '\\0' x"];
    const { found } = await checkDependency({ name: "noise", command }, never);
    assert.match(found, /^red x{116}…$/);
  });

  it("accepts what the refusals below change", () => {
    assert.equal(Dependency.safeParse({ ...python, pattern: "Python (.*)" }).success, true);
  });

  it("refuses a pattern that is no expression with one group, and a minimum that is no version", () => {
    for (const pattern of ["(", "no group", "(a)(b)"])
      assert.equal(Dependency.safeParse({ ...python, pattern }).success, false);
    assert.equal(Dependency.safeParse({ ...python, pattern: "(.*)", minimum: "newest" }).success, false);
  });
});
