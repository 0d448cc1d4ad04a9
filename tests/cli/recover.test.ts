import { equal, ok } from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findEngineOf, isEngine } from "../../cli/recover/engine-process.ts";
import { endProcess } from "../../processes/end-process.ts";
import { isAlive, type ProcessOnHost } from "../../processes/process-identity.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const identity = new URL("../../processes/process-identity.ts", import.meta.url).href;
const introduce = `import(${JSON.stringify(identity)}).then((m) => console.log(JSON.stringify(m.identifySelf())));`;
const running: ChildProcess[] = [];

/** A process as a step is: leader of its own group, known by what it says of itself. */
async function startStep(extra = ""): Promise<ProcessOnHost> {
  const script = `${introduce} setInterval(() => {}, 1000); ${extra}`;
  const child = spawn(process.execPath, ["--import", "tsx", "-e", script], {
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.push(child);
  const [line] = await once(child.stdout as NodeJS.ReadableStream, "data");
  return JSON.parse(String(line)) as ProcessOnHost;
}

describe("recover", () => {
  afterEach(() => {
    for (const child of running.splice(0)) if (child.exitCode === null) child.kill("SIGKILL");
  });

  it("ends the recorded step process politely", async () => {
    const step = await startStep();
    equal(await endProcess(step, { graceMs: 10_000, group: true }), "ended");
    equal(isAlive(step), false);
  });

  it("kills one that does not listen", async () => {
    const step = await startStep("process.on('SIGTERM', () => {});");
    equal(await endProcess(step, { graceMs: 500, group: true }), "killed");
    equal(isAlive(step), false);
  });

  it("leaves a stranger alone who was given the same process number", async () => {
    const stranger = await startStep();
    equal(
      await endProcess({ ...stranger, started: "1@another-boot" }, { graceMs: 100, group: true }),
      "ended",
    );
    // A signal takes a moment to end a process: look again after it would have.
    await sleep(300);
    equal(isAlive(stranger), true);
  });

  it("tells a run that is at work from one whose engine is gone", async () => {
    const folder = temporaryFolder("engine");
    symlinkSync(process.execPath, join(folder, "pulumi"));
    const nested = `const c = require("node:child_process").spawn("sh", ["-c", "exec sleep 30"]); console.log(c.pid); setInterval(() => {}, 1000);`;
    const engine = spawn(join(folder, "pulumi"), ["-e", nested], { stdio: ["ignore", "pipe", "inherit"] });
    running.push(engine);
    const [line] = await once(engine.stdout as NodeJS.ReadableStream, "data");
    const step = Number(String(line));
    equal(findEngineOf(step), engine.pid);
    ok(isEngine(engine.pid as number));
    engine.kill("SIGKILL");
    await once(engine, "exit");
    equal(findEngineOf(step), undefined);
    process.kill(step, "SIGKILL");
  });
});
