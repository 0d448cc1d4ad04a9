import assert from "node:assert/strict";
import { appendFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { findAlteredArtifacts, findLostArtifacts } from "../../cli/verify/verify-ledger.ts";
import { saveArtifact } from "../../ledger/store.ts";
import { RolledOut } from "../archive/rolled-out.ts";
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

  it("names artifacts that a result tells of and that are gone, but no export of rows that may be erased", () => {
    const stack = new RolledOut();
    const [json = "", text = ""] = ["a.json", "a.txt"].map((name) => stack.artifact(name, name));
    const rows = stack.artifact("journal-deals.jsonl.gz", "rows");
    stack.run("pre-flight", "data-audit", { result: { report: { json, text }, exported: [rows] } });
    assert.deepEqual(findLostArtifacts(stack.chain), []);
    for (const path of [text, rows]) rmSync(join(stack.evidence, path));
    assert.deepEqual(findLostArtifacts(stack.chain), [
      `evidence: expected ${text} in ${stack.evidence}, got no such file. Restore it from a copy.`,
    ]);
  });
});
