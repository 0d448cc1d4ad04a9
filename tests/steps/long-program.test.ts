import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { childEnvironment } from "../../processes/child-process.ts";
import { runLongProgram } from "../../processes/long-program.ts";
import { temporaryFolder } from "../temporary-folder.ts";

function run(argv: string[], options: Partial<Parameters<typeof runLongProgram>[1]> = {}) {
  const folder = temporaryFolder();
  return runLongProgram(argv, {
    environment: childEnvironment(),
    cwd: folder,
    timeoutMs: 20_000,
    signal: new AbortController().signal,
    stdoutFile: join(folder, "stdout"),
    stderrFile: join(folder, "stderr"),
    maxBytes: 1_000_000,
    onProgress: () => undefined,
    ...options,
  });
}

describe("long program", () => {
  it("tells how it ended: its exit code, a signal, not found, a time limit, a cancel", async () => {
    const { seconds, ...end } = await run(["sh", "-c", "exit 3"]);
    assert.deepEqual(end, { exitCode: 3 });
    assert.ok(seconds >= 0);
    assert.equal((await run(["sh", "-c", "kill -ABRT $$"])).endedBy, "SIGABRT");
    assert.equal((await run(["no-such-program-here"])).failure, "not found");
    assert.equal((await run(["sleep", "600"], { timeoutMs: 100 })).failure, "timed out");
    assert.equal((await run(["sleep", "600"], { signal: AbortSignal.abort() })).failure, "cancelled");
  });

  it("ends a program that prints without end, and says so of one that printed too much before it ended", async () => {
    assert.equal((await run(["yes"])).failure, "too much output");
    assert.equal((await run(["head", "-c", "1000001", "/dev/zero"])).failure, "too much output");
    assert.equal((await run(["head", "-c", "1000000", "/dev/zero"])).failure, undefined);
  });

  it("keeps output private", async () => {
    const folder = temporaryFolder();
    await run(["echo", "hello"], { stdoutFile: join(folder, "out") });
    assert.equal(statSync(join(folder, "out")).mode & 0o777, 0o600);
  });

  it("leaves nothing behind when the step itself dies by SIGKILL", async () => {
    const folder = temporaryFolder();
    const module = fileURLToPath(new URL("../../processes/long-program.ts", import.meta.url));
    const options = { environment: childEnvironment(), cwd: folder, timeoutMs: 600_000, maxBytes: 1e6 };
    const files = { stdoutFile: join(folder, "out"), stderrFile: join(folder, "err") };
    const script = `import { runLongProgram } from ${JSON.stringify(module)};
      await runLongProgram(["sh", "-c", "sleep 600 & echo $$ $!; wait"], { ...${JSON.stringify({ ...options, ...files })},
        signal: new AbortController().signal, onProgress() {} });`;
    const step = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script]);
    const read = () => (existsSync(files.stdoutFile) ? readFileSync(files.stdoutFile, "utf8") : "");
    while (!read().includes("\n")) await new Promise((resolve) => setTimeout(resolve, 20));
    step.kill("SIGKILL");
    for (const pid of read().trim().split(" ")) {
      // A zombie that nobody has collected yet is gone as well.
      const runs = () => {
        try {
          return !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
        } catch {
          return false;
        }
      };
      while (runs()) await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
});
