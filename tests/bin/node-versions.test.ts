import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { execa } from "execa";
import { TEST_NODES, testNode } from "../../bin/test-nodes.mjs";
import { PROJECT_ROOT } from "../../sandbox/paths.ts";

for (const major of Object.keys(TEST_NODES).map(Number)) {
  describe(`Node ${major}`, () => {
    let node = "";
    const run = (...args: string[]) => execa(node, args, { cwd: PROJECT_ROOT, reject: false, input: "{}" });

    before(async function () {
      const found = await testNode(major);
      if ("missing" in found) {
        process.stderr.write(`SKIPPED: the entries on Node ${major}: no ${found.missing}\n`);
        return this.skip();
      }
      node = found.path;
    });

    it("runs the command line", async () => {
      assert.equal((await run("-p", "process.versions.node")).stdout, TEST_NODES[major]);
      const { exitCode, stdout, stderr } = await run("bin/rollout.mjs", "--help");
      assert.deepEqual([exitCode, stderr], [0, ""]);
      assert.match(stdout, /rollout status/);
    });

    it("runs a step, which refuses a spec that is none", async () => {
      const { exitCode, stderr } = await run("bin/step.mjs", "guard", "apply");
      assert.equal(exitCode, 1);
      assert.match(stderr, /guard: expected a valid spec on stdin/);
    });

    it("loads the program that Pulumi runs", async () => {
      const program = JSON.stringify(pathToFileURL(join(PROJECT_ROOT, "bin/program.mjs")).href);
      const script = `import(${program}).then(({ default: program }) => { console.log(typeof program); process.exit(); });`;
      assert.deepEqual((await run("-e", script)).stdout, "function");
    });
  }).timeout(180_000);
}
