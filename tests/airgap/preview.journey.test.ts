import assert from "node:assert/strict";
import { CommandStack, type Finished, operations } from "./command-stack.ts";

describe("command plugin: preview and local.run", function () {
  this.timeout(120_000);
  const stack = new CommandStack();
  let preview: Finished;
  let up: Finished;

  const declare = (stdin: string) =>
    stack.declare({
      first: { create: 'echo first >> "$JOURNAL"; cat', stdin },
      second: { create: 'echo second >> "$JOURNAL"; cat', stdin: { $stdout: "first" } },
      third: { create: 'echo third >> "$JOURNAL"; cat', environment: { T: { $stdout: "second" } } },
      $run: {
        command: 'echo run >> "$JOURNAL"; cat; echo "$A$PULUMI_COMMAND_STDOUT"',
        stdin: "in ",
        environment: { A: "a" },
      },
    });

  before(async () => {
    await stack.initialize();
    declare("one");
    preview = await stack.run("preview");
    up = await stack.run("up");
    for (const { exitCode, output } of [preview, up]) assert.equal(exitCode, 0, output);
  });

  it("a preview of new Commands runs none of them; local.run runs in every preview", () => {
    assert.deepEqual(preview.journal, ["run"]);
  });

  it("up runs Commands in the order of their dependencies, each with the output of the one before", () => {
    assert.deepEqual(
      up.journal.filter((line) => line !== "run"),
      ["first", "second", "third"],
    );
    assert.equal(stack.outputs("second").stdout, "one");
  });

  it("local.run returns what the command printed", () => {
    assert.match(up.output, /stdout *: "in a"/);
  });

  it("a changed input makes the outputs unknown in preview, and so what depends on them", async () => {
    declare("two");
    const changed = await stack.run("preview");
    assert.equal(changed.exitCode, 0, changed.output);
    const planned = (name: string) => operations(changed, name);
    assert.deepEqual(
      [planned("first"), planned("second"), planned("third")],
      [["update"], ["update"], ["update"]],
    );
  });

  it("a failing local.run fails the program with the command's output", async () => {
    stack.declare({ $run: { command: "echo wrong >&2; exit 4" } });
    const failed = await stack.run("preview");
    assert.notEqual(failed.exitCode, 0);
    assert.match(failed.output, /exit status 4: running "echo wrong >&2; exit 4":\s+wrong/);
  });
});
