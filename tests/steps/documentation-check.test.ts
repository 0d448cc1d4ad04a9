import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Mention } from "../../config/documentation.ts";
import { Chain } from "../../ledger/chain.ts";
import { evidenceOf } from "../../ledger/entries.ts";
import { mentions } from "../../review/mentions.ts";
import { type DocumentationCheckSpec, documentationCheck } from "../../steps/documentation-check.ts";
import { applyStep, undoStep } from "../../steps/run-step.ts";
import { TargetGuard } from "../../steps/target-guard.ts";
import { TestRepository } from "../git-repository.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { baseSpec, makeDeps } from "./preflight-deps.ts";

const FILES = [
  { path: "docs/guide/creating.md", mentions: ["deal type", { pattern: "carve-?outs?" }] },
  { path: "docs/FAQ.md", mentions: ["Deal Type"] },
];

function contextOf() {
  const chain = Chain.open(join(temporaryFolder(), "evidence"));
  const deps = makeDeps("", { evidence: evidenceOf(chain.records) });
  const findStep = async () => documentationCheck;
  return { chain, deps, target: new TargetGuard("test", undefined), findStep };
}

function specOf(repository: string, release: string, files = FILES): DocumentationCheckSpec {
  return { ...baseSpec("documentation-check"), repository, release, files };
}

describe("documentation check", () => {
  const repository = new TestRepository();
  const whole = repository.commit({
    "docs/guide/creating.md": "# Create\n\nChoose the deal\ntype: Carve-Out or another.\n",
    "docs/FAQ.md": "What is a DEAL TYPE?\n",
  });
  const poor = repository.commit({ "docs/guide/creating.md": "The deal types\n", "docs/FAQ.md": null });

  it("passes a release that holds every file with its words, in preview and apply, and leaves nothing behind", async () => {
    const context = contextOf();
    const spec = specOf(repository.folder, whole);
    const { plan, blockers } = await documentationCheck.observe(spec, context.deps);
    assert.deepEqual(blockers, []);
    assert.deepEqual(plan, [`checks 2 files of documentation in release ${whole.slice(0, 12)} (read-only)`]);
    assert.deepEqual(await applyStep(documentationCheck, spec, context), {
      release: whole,
      files: [
        { path: "docs/guide/creating.md", mentions: 2 },
        { path: "docs/FAQ.md", mentions: 1 },
      ],
    });
    assert.deepEqual((await documentationCheck.observe(spec, context.deps)).plan, []);
    assert.deepEqual((await undoStep(spec, context)).kept, []);
  });

  it("names each file and each word that is missing, before anything runs", async () => {
    const context = contextOf();
    const spec = specOf(repository.folder, poor);
    const { blockers } = await documentationCheck.observe(spec, context.deps);
    const where = `docs/guide/creating.md of release ${poor.slice(0, 12)}`;
    const remedy =
      "Write it there and point releases.interface at that commit, or correct documentation.files.";
    assert.deepEqual(blockers, [
      `documentation-check: expected "deal type" in ${where}, got no mention of it. ${remedy}`,
      `documentation-check: expected /carve-?outs?/ in ${where}, got no mention of it. ${remedy}`,
      `documentation-check: expected the file docs/FAQ.md of release ${poor.slice(0, 12)}, got none. ${remedy}`,
    ]);
    await assert.rejects(applyStep(documentationCheck, spec, context), /got no mention of it/);
    assert.deepEqual(context.chain.records, []);
  });

  it("looks again once the config asks for more, or for another release", async () => {
    const context = contextOf();
    await applyStep(documentationCheck, specOf(repository.folder, whole), context);
    const more = specOf(repository.folder, whole, [{ path: "docs/FAQ.md", mentions: ["divestiture"] }]);
    for (const spec of [more, specOf(repository.folder, poor)])
      assert.notDeepEqual((await documentationCheck.observe(spec, context.deps)).blockers, []);
  });

  it("takes a folder and a symbolic link for no file, and a name with odd characters for itself", async () => {
    const odd = new TestRepository();
    odd.commit({ "docs/[ä]*.md": "deal type\n" });
    symlinkSync("[ä]*.md", join(odd.folder, "docs/link.md"));
    const release = odd.commit({});
    const check = async (path: string) => {
      const spec = specOf(odd.folder, release, [{ path, mentions: ["deal type"] }]);
      return (await documentationCheck.observe(spec, contextOf().deps)).blockers.length;
    };
    assert.deepEqual(await Promise.all(["docs", "docs/link.md", "docs/[ä]*.md"].map(check)), [1, 1, 0]);
  });

  it("says what to do about a commit that is not there", async () => {
    const spec = specOf(repository.folder, "f".repeat(40));
    const { blockers } = await documentationCheck.observe(spec, contextOf().deps);
    assert.match(
      blockers.join(),
      /^documentation-check: expected commit f{40} in .*, got none\. Push it there/,
    );
  });

  const rows: [string, Mention, boolean][] = [
    ["The deal type", "Deal Type", true],
    ["deal\n  type", "deal type", true],
    ["deal types", "deal type", false],
    ["prüfdeal type", "deal type", false],
    ["Übernahme-Typ", "übernahme", true],
    ["costs (est.)", "(est.)", true],
    ["C++ code", "c++", true],
    ["carveouts", { pattern: "carve-?out" }, true],
    ["cafe\u0301", "café", true],
  ];
  for (const [text, mention, found] of rows) {
    it(`${found ? "finds" : "does not find"} ${JSON.stringify(mention)} in ${JSON.stringify(text)}`, () =>
      assert.equal(mentions(text, mention), found));
  }
});
