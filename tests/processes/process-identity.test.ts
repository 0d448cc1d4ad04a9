import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { endProcess } from "../../processes/end-process.ts";
import { identify, identifySelf, isAlive, isRunning } from "../../processes/process-identity.ts";

/** A process that lives until it is ended. */
function idle(script = "setInterval(() => {}, 1000); console.log('up')") {
  return spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "ignore"] });
}

describe("a process identity", () => {
  it("is true of its process and of no other one that has the same number", async () => {
    const child = idle();
    const identity = identify(child.pid ?? 0);
    assert.ok(identity && isRunning(identity));
    const stranger = { ...identity, started: "1@another-boot" };
    assert.equal(isRunning(stranger), false);
    await endProcess(stranger, { graceMs: 1_000 });
    assert.equal(isRunning(identity), true, "a stranger's number was signalled");
    assert.equal(await endProcess(identity, { graceMs: 1_000 }), "ended");
    assert.equal(isRunning(identity), false);
  });

  it("ends also a process that ignores SIGTERM", async () => {
    const child = idle("process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('up')");
    await once(child.stdout, "data");
    const identity = identify(child.pid ?? 0);
    assert.ok(identity);
    assert.equal(await endProcess(identity, { graceMs: 100 }), "killed");
    assert.equal(isRunning(identity), false);
  });

  it("is neither alive nor dead when it belongs to another machine", () => {
    assert.equal(isAlive(identifySelf()), true);
    assert.equal(isAlive({ ...identifySelf(), host: "elsewhere" }), undefined);
  });

  it("is unknown of a number that nobody has", () => {
    assert.equal(identify(2 ** 22 + 1), undefined);
  });
});
