import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { execa } from "execa";

const PROCESS = fileURLToPath(new URL("./archive-process.ts", import.meta.url));
/** Most memory that making and verifying an archive of any size may take, Node itself included. */
const PEAK_KIB = 220 * 1024;

it("an archive of 400 MiB is made and verified in bounded memory", async function () {
  // Some 5 s on two idle cores; a busy machine takes its time.
  this.timeout(240_000);
  const { stdout } = await execa(process.execPath, ["--import", "tsx", PROCESS, "2000"]);
  const { faults, records, peakKib } = JSON.parse(stdout);
  assert.deepEqual([faults, records], [[], 17]);
  console.log(`      peak memory ${Math.round(peakKib / 1024)} MiB`);
  assert.ok(peakKib < PEAK_KIB, `${peakKib} KiB`);
});
