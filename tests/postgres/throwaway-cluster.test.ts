import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startThrowawayCluster } from "../../postgres/backup/throwaway-cluster.ts";
import { connect } from "../../postgres/connect.ts";

const module = fileURLToPath(new URL("../../postgres/backup/throwaway-cluster.ts", import.meta.url));

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("throwaway cluster", () => {
  it("is a server of its own until it is removed, and leaves no file", async () => {
    const { cluster, remove } = await startThrowawayCluster();
    const client = await connect(cluster.url());
    const { rows } = await client.query("SELECT current_setting('fsync') AS fsync");
    await client.end();
    assert.deepEqual(rows, [{ fsync: "off" }]);
    await remove();
    assert.equal(existsSync(cluster.directory), false);
    await assert.rejects(connect(cluster.url()), /refused connection/);
  });

  it("is gone with all its data when its process dies by SIGKILL", async () => {
    const script = `import { readFileSync } from "node:fs";
      import { startThrowawayCluster } from ${JSON.stringify(module)};
      const { cluster } = await startThrowawayCluster();
      const pid = readFileSync(cluster.directory + "/data/postmaster.pid", "utf8").split("\\n")[0];
      console.log(JSON.stringify({ pid: Number(pid), directory: cluster.directory }));
      setInterval(() => undefined, 1000);`;
    const owner = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script]);
    const [line] = await once(owner.stdout, "data");
    const { pid, directory } = JSON.parse(String(line));
    assert.ok(isRunning(pid));
    owner.kill("SIGKILL");
    await once(owner, "exit");
    while (existsSync(directory) || isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 50));
  });
});
