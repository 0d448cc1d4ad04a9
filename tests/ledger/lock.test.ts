import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { readLock, takeLock } from "../../ledger/lock.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const store = () => temporaryFolder("evidence");

describe("evidence lock", () => {
  it("refuses a second run and names the first", () => {
    const folder = store();
    const release = takeLock(folder, "apply backup");
    assert.throws(
      () => takeLock(folder, "apply migration"),
      /got `apply backup` \(pid \d+ on .*rollout recover/,
    );
    release();
    assert.equal(existsSync(join(folder, "lock.json")), false);
    takeLock(folder, "apply migration")();
  });

  it("takes over from a process that was killed", async () => {
    const folder = store();
    const code = `const { takeLock } = await import(${JSON.stringify(join(process.cwd(), "ledger/lock.ts"))});
      takeLock(${JSON.stringify(folder)}, "apply backup"); console.log("held"); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    assert.equal(readLock(folder)?.pid, child.pid);
    child.kill("SIGKILL");
    await once(child, "exit");
    takeLock(folder, "apply migration")();
  });

  it("takes over when the pid now belongs to another process", () => {
    const folder = store();
    const stranger = {
      host: hostname(),
      pid: process.ppid,
      started: "1@another-boot",
      doing: "apply backup",
      since: "",
    };
    writeFileSync(join(folder, "lock.json"), JSON.stringify(stranger));
    takeLock(folder, "apply migration")();
  });

  it("leaves a holder on another machine alone while it gives signs of life", () => {
    const folder = store();
    const remote = { host: "elsewhere", pid: 1, started: null, doing: "apply backup", since: "" };
    writeFileSync(join(folder, "lock.json"), JSON.stringify(remote));
    assert.throws(() => takeLock(folder, "apply migration"), /pid 1 on elsewhere/);
  });
});
