import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { writeDurably, writeJson } from "../../system/durable-file.ts";
import { syncedFolders } from "../synced-folders.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

describe("a durable file", () => {
  it("is its owner's alone, or has the mode that is asked for, whatever it had before", () => {
    const folder = temporaryFolder("durable");
    const file = join(folder, "file");
    writeFileSync(file, "old");
    chmodSync(file, 0o644);
    writeDurably(file, "new");
    assert.deepEqual([readFileSync(file, "utf8"), modeOf(file)], ["new", "600"]);
    writeDurably(file, "program", { mode: 0o755 });
    assert.equal(modeOf(file), "755");
    writeJson(file, { a: 1 });
    assert.equal(readFileSync(file, "utf8"), '{\n  "a": 1\n}\n');
    assert.deepEqual(readdirSync(folder), ["file"]);
  });

  it("has its name on the disk when it is written", async () => {
    const folder = temporaryFolder("durable");
    const synced = await syncedFolders(async () => writeDurably(join(folder, "file"), "text"));
    assert.deepEqual(synced, [{ path: folder, names: ["file"] }]);
  });

  it("leaves what was there, and no draft, where it can't be written", () => {
    const folder = temporaryFolder("durable");
    const taken = join(folder, "taken");
    mkdirSync(taken);
    assert.throws(() => writeDurably(taken, "text"));
    assert.deepEqual(readdirSync(folder), ["taken"]);
  });
});
