import assert from "node:assert/strict";
import { execa } from "execa";

const entry = new URL("../../bin/entry.mjs", import.meta.url).href;

/** A command line whose work is this expression, in a process of its own. */
const enter = (next: string) =>
  execa(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `import { enter } from ${JSON.stringify(entry)}; enter({ next: () => ${next} });`,
    ],
    { reject: false },
  );

describe("a command line", () => {
  it("that gets stuck fails, for Node ends it with 0", async () => {
    const { exitCode, stderr } = await enter("new Promise(() => {})");
    assert.equal(exitCode, 1);
    assert.match(stderr, /expected to come to an end, got stuck on the way/);
  });

  it("that ends keeps its own exit code, and says nothing", async () => {
    for (const code of [0, 3]) {
      const { exitCode, stderr } = await enter(`Promise.resolve((process.exitCode = ${code}))`);
      assert.deepEqual([exitCode, stderr], [code, ""]);
    }
  });
});
