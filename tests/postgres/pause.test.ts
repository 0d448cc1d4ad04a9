import { ok } from "node:assert/strict";
import { pause } from "../../postgres/pause.ts";

describe("a pause between tries", () => {
  it("ends when the step is cancelled, also when it was before, and throws nothing of its own", async () => {
    const abort = new AbortController();
    // An hour: only the signal can end it within the time of a test.
    const waiting = pause(3_600_000, abort.signal);
    abort.abort(new Error("cancelled"));
    await waiting;
    await pause(3_600_000, abort.signal);
    ok(abort.signal.aborted);
  });
});
