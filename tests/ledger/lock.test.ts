import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { awaitLock, readLock, takeLock } from "../../ledger/lock.ts";
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

  it("is waited for, saying once for whom, until the other gives it back", async () => {
    const folder = store();
    const release = takeLock(folder, "apply release");
    const said: string[] = [];
    const wait = { waitSeconds: 60, next: () => "", log: (line: string) => void said.push(line) };
    const waiting = awaitLock(folder, "flag off", wait);
    assert.equal(readLock(folder)?.doing, "apply release");
    release();
    (await waiting)();
    assert.equal(said.length, 1);
    assert.match(
      said[0] ?? "",
      /^flag off: waiting 60 s at the most for `apply release` \(pid \d+ on .*, since /,
    );
  });

  it("is given up after that time, with what to do then", async () => {
    const folder = store();
    const release = takeLock(folder, "apply release");
    const wait = {
      waitSeconds: 0,
      next: ({ pid }: { pid: number }) => `Stop ${pid}.`,
      log: () => undefined,
    };
    await assert.rejects(
      awaitLock(folder, "flag off", wait),
      new RegExp(`got \`apply release\` \\(pid .*\\. Stop ${process.pid}\\.$`),
    );
    release();
  });
});
