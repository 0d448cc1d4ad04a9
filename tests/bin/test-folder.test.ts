import { equal, match } from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { execa } from "execa";
import { temporaryFolder } from "../temporary-folder.ts";

describe("the folder of a test run", () => {
  /** A run that makes two folders and does what `then` says with their paths. */
  async function run(then: string) {
    const outside = temporaryFolder();
    const script = `
      import { watchTestFolder } from "./bin/test-folder.mjs";
      import { mkdtempSync, rmSync } from "node:fs";
      import { tmpdir } from "node:os";
      watchTestFolder();
      const [ours, theirs] = ["rollout-ours-", "tsx-"].map((name) => mkdtempSync(tmpdir() + "/" + name));
      ${then}`;
    const argv = ["--input-type=module", "-e", script];
    const ended = await execa(process.execPath, argv, { env: { TMPDIR: outside }, reject: false });
    return { ...ended, outside };
  }

  it("goes with the run, and what other programs keep there with it", async () => {
    const { exitCode, outside } = await run("rmSync(ours, { recursive: true });");
    equal(exitCode, 0);
    equal(readdirSync(outside).length, 0);
  });

  it("fails the run that leaves something of ours in it, by name, and goes all the same", async () => {
    const { exitCode, stderr, outside } = await run('process.on("exit", () => process.exit(0));');
    equal(exitCode, 1);
    match(stderr, /^test: expected nothing of it to be left in \S+\/rt-\w+, got rollout-ours-\w+\./);
    equal(readdirSync(outside).length, 0);
  });
});

describe("a temporary folder", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    it(`is gone also after ${signal}`, async () => {
      const script =
        'import { temporaryFolder } from "./tests/temporary-folder.ts";' +
        "console.log(temporaryFolder()); setInterval(() => undefined, 1000);";
      const argv = ["--import", "tsx", "--input-type=module", "-e", script];
      const child = execa(process.execPath, argv, { reject: false });
      const folder = await new Promise<string>((resolve) =>
        child.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString().trim())),
      );
      equal(existsSync(folder), true);
      child.kill(signal);
      await child;
      equal(existsSync(folder), false);
    });
});
