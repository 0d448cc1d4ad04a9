import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "mocha";
import { alignColumns } from "../../system/columns.ts";

const MODULE = new URL("../../system/paint.ts", import.meta.url).href;

/** What a process without a terminal makes of a word: with none of these variables, and with each alone. */
function paintedBy(...names: string[]): string[] {
  const code = `import { painted } from ${JSON.stringify(MODULE)};
    for (const name of ["", ...${JSON.stringify(names)}]) {
      for (const each of ${JSON.stringify(names)}) delete process.env[each];
      if (name) process.env[name] = "1";
      console.log(painted("bad", "no"));
    }`;
  const argv = ["--import", "tsx", "--input-type=module", "--eval", code];
  return execFileSync(process.execPath, argv, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
    .trimEnd()
    .split("\n");
}

describe("lines for a terminal", () => {
  it("stand in columns, whatever the width of a letter or the length of a row", () => {
    const rows = [
      ["name", "rows"],
      ["測試", "1", "odd"],
      ["\u001b[31mred\u001b[39m", "12,345"],
      ["", "4"],
    ];
    assert.deepEqual(alignColumns(rows, ["left", "right"]), [
      "name    rows",
      "測試       1  odd",
      "\u001b[31mred\u001b[39m   12,345",
      "           4",
    ]);
    assert.deepEqual(alignColumns([]), []);
  });

  it("are coloured for a terminal alone, and as NO_COLOR and FORCE_COLOR say", () => {
    assert.deepEqual(paintedBy("FORCE_COLOR", "NO_COLOR"), ["no", "\u001b[31mno\u001b[39m", "no"]);
  });
});
