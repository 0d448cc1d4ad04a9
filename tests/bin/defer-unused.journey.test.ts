import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const node = promisify(execFile);

describe("parts of Pulumi's SDK that are not used", () => {
  const run = async (script: string, ...options: string[]) =>
    (await node(process.execPath, [...options, "-e", script])).stdout.trim();
  const deferring = ["--require", "./bin/defer-unused.cjs"];
  const loaded = `
    require("@pulumi/pulumi");
    const has = (name) => Object.keys(require.cache).some((file) => file.includes("/node_modules/" + name + "/"));
    console.log(JSON.stringify(["typescript", "@npmcli/arborist", "@grpc/grpc-js"].filter(has)));`;

  it("are loaded with it, and wait where they are deferred", async () => {
    assert.deepEqual(JSON.parse(await run(loaded)), ["typescript", "@npmcli/arborist", "@grpc/grpc-js"]);
    assert.deepEqual(JSON.parse(await run(loaded, ...deferring)), ["@grpc/grpc-js"]);
  }).timeout(60_000);

  it("do the same as ever once they are needed", async () => {
    const serialise = `
      const { runtime } = require("@pulumi/pulumi");
      const more = { by: 2 };
      runtime.serializeFunction((n) => n + more.by).then(({ text }) => console.log(text));`;
    const text = await run(serialise, ...deferring);
    assert.match(text, /by: 2/);
    assert.equal(text, await run(serialise));
    const resolve = `
      const { runtime } = require("@pulumi/pulumi");
      runtime.computeCodePaths({}).then((paths) => console.log(paths.size, [...paths.keys()].sort().join(" ")));`;
    const paths = await run(resolve, ...deferring);
    assert.match(paths, /node_modules\/zod/);
    assert.equal(paths, await run(resolve));
  }).timeout(120_000);
});
