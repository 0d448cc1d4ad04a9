import { deepEqual } from "node:assert/strict";
import { Timings } from "../../cli/timings.ts";

describe("--timings", () => {
  it("accounts for every second: set-up, each part, the rest, and their sum", async () => {
    const setUp = {
      startedAt: 1_000_000,
      phases: [
        { phase: "toolchain", seconds: 2 },
        { phase: "dependencies", seconds: 3.5 },
      ],
    };
    const timings = new Timings(JSON.stringify(setUp));
    deepEqual(timings.render(1_010_000), [
      "    2.0 s  set-up: toolchain",
      "    3.5 s  set-up: dependencies",
      "    4.5 s  Node and loading this program",
      "   10.0 s  total",
    ]);
  });

  it("notes a part that failed as well, and takes no offence at a foreign variable", async () => {
    const timings = new Timings("{");
    await timings.time("up", () => Promise.reject(new Error("no"))).catch(() => undefined);
    deepEqual(
      timings.render().map((line) => line.replace(/^ *[\d.]+ s {2}/, "")),
      ["up", "Node and loading this program", "total"],
    );
  });
});
