import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import {
  type OutputSnapshotResult,
  type OutputSnapshotSpec,
  outputSnapshot,
} from "../../steps/output-snapshot.ts";
import { readSnapshot } from "../../steps/snapshot/read-snapshot.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { makeDeps } from "./preflight-deps.ts";
import { databaseWithDeals, snapshotSpec, snapshotsOf, startApp, type TestApp } from "./snapshot-fixture.ts";

const PROCESS = fileURLToPath(new URL("./snapshot-process.ts", import.meta.url));
/** Most memory that a snapshot of any size may take, Node itself included. */
const PEAK_KIB = 220 * 1024;

function takeInProcess(databaseUrl: string, spec: OutputSnapshotSpec): ChildProcess {
  const given = JSON.stringify({ databaseUrl, folder: temporaryFolder(), spec });
  return spawn(process.execPath, ["--import", "tsx", PROCESS, given], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

describe("output snapshot as a process", function () {
  // A busy machine takes its time.
  this.timeout(240_000);
  let app: TestApp;
  beforeEach(async () => {
    app = await startApp();
  });
  afterEach(() => app.close());

  it("killed at any moment, it ends with the same bytes as one that was never killed", async () => {
    const url = await databaseWithDeals(6000);
    const whole = await outputSnapshot.apply(snapshotSpec(app.url), makeDeps(url));
    const spec = snapshotSpec(app.url);
    const written = () => {
      try {
        const name = readdirSync(snapshotsOf(spec)).find((file) => file.endsWith(".partial"));
        return name ? statSync(join(snapshotsOf(spec), name)).size : 0;
      } catch {
        return 0;
      }
    };
    let kept = 0;
    for (let kill = 0; kill < 2; kill += 1) {
      const child = takeInProcess(url, spec);
      while (written() <= kept && child.exitCode === null)
        await new Promise((resolve) => setTimeout(resolve, 2));
      assert.equal(child.exitCode, null, "killed while it was at work");
      child.kill("SIGKILL");
      await once(child, "exit");
      kept = written();
      assert.ok(kept > 0 && kept < whole.bytes, `${kept} of ${whole.bytes}`);
    }
    const result = await outputSnapshot.apply(spec, makeDeps(url));
    assert.deepEqual([result.sha256, result.total_deals], [whole.sha256, 6000]);
  });

  it("takes 160 MB of answers in bounded memory", async () => {
    const url = await databaseWithDeals(40_000);
    const note = "x".repeat(4_000);
    const wordy = await startApp((key) => ({ body: `{"deal_id":"${key}","note":"${note}"}` }));
    const spec = snapshotSpec(wordy.url, { concurrency: 16, compress: "gzip" });
    const child = takeInProcess(url, spec);
    const output = await text(child.stdout as NodeJS.ReadableStream & AsyncIterable<string>);
    await wordy.close();
    const { result, peakKib } = JSON.parse(output) as { result: OutputSnapshotResult; peakKib: number };
    assert.deepEqual([result.total_deals, result.error_count], [40_000, 0]);
    let [lines, bytes] = [0, 0];
    for await (const { key, text: line } of readSnapshot(result.path)) {
      lines += 1;
      bytes += line.length;
      assert.equal(key, String(lines));
    }
    assert.ok(lines === 40_000 && bytes > 160_000_000, `${lines} lines, ${bytes} bytes`);
    console.log(`      peak memory ${Math.round(peakKib / 1024)} MiB`);
    assert.ok(peakKib < PEAK_KIB, `${peakKib} KiB`);
  });
});
