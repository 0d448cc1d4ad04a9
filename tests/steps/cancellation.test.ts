import { deepEqual } from "node:assert/strict";
import { execa } from "execa";

const WATCH = new URL("../../steps/cancellation.ts", import.meta.url).href;

/** What a process says whose step is stopped by its deadline, and its exit code. The grace is short here. */
async function stopped(afterwards: string) {
  const script = `
    const { watchCancellation } = await import(${JSON.stringify(WATCH)});
    const watched = watchCancellation(0.01, { graceMs: 200 });
    await new Promise((resolve) => watched.signal.addEventListener("abort", resolve));
    ${afterwards}
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    console.log("told the others");`;
  const argv = ["--import", "tsx", "--input-type=module", "-e", script];
  const { stdout, exitCode } = await execa(process.execPath, argv, { reject: false });
  return [stdout, exitCode];
}

describe("a process whose step is cancelled", () => {
  it("is ended after the grace when its step does not end", async () => {
    deepEqual(await stopped(""), ["", 1]);
  });

  it("is not ended any more once its step has, however long it has to tell of it", async () => {
    deepEqual(await stopped("watched.stop();"), ["told the others", 0]);
  });
});
