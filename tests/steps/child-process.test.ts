import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { childEnvironment, runProgram } from "../../processes/child-process.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const limits = { environment: childEnvironment(), timeoutMs: 20_000 };

async function untilGone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
      // A zombie still answers to signal 0 until its parent, not always us, collects it.
      if (readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.startsWith("Z")) return;
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("child process", () => {
  it("hands the arguments to the program as they are, whatever a shell would make of them", async () => {
    const nasty = ["$(id)", "; echo no", "a b", "'\"`", "*"];
    const { stdout, exitCode } = await runProgram(["printf", "%s|", ...nasty], limits);
    assert.equal(exitCode, 0);
    assert.equal(stdout, `${nasty.join("|")}|`);
  });

  it("gives the program nothing of our own environment but PATH and home", async () => {
    process.env.CANARY_SECRET = "canary";
    const { stdout } = await runProgram(["env"], limits);
    delete process.env.CANARY_SECRET;
    assert.doesNotMatch(stdout, /canary/i);
  });

  it("tells a program that is not there, one that fails and one that prints without end apart", async () => {
    assert.equal((await runProgram(["no-such-program-here"], limits)).failure, "not found");
    assert.equal((await runProgram(["sh", "-c", "exit 3"], limits)).exitCode, 3);
    assert.equal((await runProgram(["yes"], { ...limits, maxOutput: 1000 })).failure, "too much output");
  });

  it("ends a program and its children at the time limit and when the step is cancelled", async () => {
    const argv = ["sh", "-c", "echo $$; sleep 600 & echo $!; wait"];
    const late = await runProgram(argv, { ...limits, timeoutMs: 300 });
    assert.equal(late.failure, "timed out");
    for (const pid of late.stdout.trim().split("\n")) await untilGone(Number(pid));
    const cancelled = await runProgram(argv, { ...limits, signal: AbortSignal.timeout(300) });
    assert.equal(cancelled.failure, "cancelled");
    for (const pid of cancelled.stdout.trim().split("\n")) await untilGone(Number(pid));
  });

  it("leaves no child behind when the step itself dies by SIGKILL", async () => {
    const module = fileURLToPath(new URL("../../processes/child-process.ts", import.meta.url));
    const note = join(temporaryFolder("child"), "pids");
    const script = `import { runProgram } from ${JSON.stringify(module)};
      await runProgram(["sh", "-c", 'sleep 600 & echo "$$ $!" > "$0"; wait', ${JSON.stringify(note)}],
        { environment: { PATH: process.env.PATH }, timeoutMs: 600000 });`;
    const step = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script]);
    let pids: number[] = [];
    while (pids.length < 2) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      try {
        pids = readFileSync(note, "utf8").trim().split(" ").filter(Boolean).map(Number);
      } catch {
        // Not written yet.
      }
    }
    step.kill("SIGKILL");
    await once(step, "exit");
    for (const pid of pids) await untilGone(pid);
  });
});
