import assert from "node:assert/strict";
import { appendFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { findAlteredArtifacts } from "../../cli/verify/verify-ledger.ts";
import { saveArtifact } from "../../ledger/store.ts";
import { temporaryFolder } from "../temporary-folder.ts";

describe("rollout verify", () => {
  it("names artifacts whose content is not what their name says, and no other file", () => {
    const folder = temporaryFolder("evidence");
    assert.deepEqual(findAlteredArtifacts(folder), []);
    saveArtifact(folder, "review.txt", "sound");
    saveArtifact(folder, "data-audit.json", "{}");
    assert.deepEqual(findAlteredArtifacts(folder), []);
    const name = readdirSync(join(folder, "artifacts")).find((file) => file.endsWith("-review.txt")) ?? "";
    appendFileSync(join(folder, "artifacts", name), " no more");
    assert.deepEqual(findAlteredArtifacts(folder), [
      `evidence: expected the content that artifacts/${name} names by hash, got another. Restore the file.`,
    ]);
  });
});
