import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import { basename, join } from "node:path";
import { eraseByName, listLines } from "../../cli/backup/backup-store.ts";
import { Chain } from "../../ledger/chain.ts";
import { type Entry, evidenceOf } from "../../ledger/entries.ts";
import type { BackupResult } from "../../steps/backup.ts";
import { backup } from "../../steps/backup.ts";
import { restoreProof } from "../../steps/restore-proof.ts";
import { retention } from "../../steps/retention.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { backupSpec, createDealsDatabase, folderOf, namesIn, proofSpec } from "./backup-fixture.ts";
import { baseSpec, makeDeps } from "./preflight-deps.ts";

const stateOf = (entries: Record<string, Partial<Entry>>) => ({
  ...evidenceOf([]),
  entries: () =>
    new Map(
      Object.entries(entries).map(([key, entry]) => {
        const [phase = "", step = ""] = key.split("/");
        return [key, { phase, step, spec: {}, ...entry } as Entry];
      }),
    ),
});

describe("retention", function () {
  this.timeout(60_000);
  let url: string;
  before(async () => {
    url = await createDealsDatabase();
  });

  /** A folder with so many backups, oldest first; the last ones are proven. */
  async function takeBackups(proven: boolean[]) {
    const spec = backupSpec();
    const taken: BackupResult[] = [];
    for (const [index, prove] of proven.entries()) {
      // A name tells seconds: each is as of a minute of its own.
      const now = () => new Date(Date.now() - (proven.length - index) * 60_000);
      taken.push(await backup.apply({ ...spec, generation: index + 1 }, makeDeps(url, { now })));
      if (prove) await restoreProof.apply(proofSpec(spec.url), makeDeps(url));
    }
    const names = taken.map(({ path }) => basename(path));
    return {
      folder: folderOf(spec),
      spec: { ...baseSpec("retention"), url: spec.url, of: "restore-proof" },
      taken,
      names,
    };
  }

  it("removes what a newer proven backup outlives, and nothing without `keep`", async () => {
    const { folder, spec, names } = await takeBackups([true, false, true]);
    assert.deepEqual(await retention.apply(spec, makeDeps(url)), { removed: [], freedBytes: 0, kept: 3 });
    const deps = makeDeps(url);
    const result = await retention.apply({ ...spec, keep: { proven: 1 } }, deps);
    assert.deepEqual(
      result.removed.map(({ name }) => name),
      [names[1], names[0]],
    );
    assert.ok(result.freedBytes > 0 && result.kept === 1);
    assert.deepEqual(namesIn(folder), [names[2]]);
    assert.match(
      deps.lines.join("\n"),
      /removed \S+, of \S+: beyond backup\.keep\n.*freed .* 1 backups stay/s,
    );
    assert.deepEqual((await retention.undo(spec, deps, result)).summary, "2 older backups stay removed");
    assert.equal(
      (await retention.apply({ ...spec, keep: { proven: 1 } }, deps)).kept,
      1,
      "again: nothing more",
    );
  });

  it("says in preview which ones go, counting the proof that is still to come", async () => {
    const { spec, names } = await takeBackups([true, true]);
    const keep = { proven: 2 };
    const { plan, drift, blockers } = await retention.observe({ ...spec, keep }, makeDeps(url));
    assert.deepEqual([drift, blockers], [[], []]);
    assert.match(
      plan.join(),
      new RegExp(`^remove for good 1 older backups, .*keep: 2 proven\\): \\S*${names[0]}$`),
    );
    const evidence = stateOf({ "pre-flight/restore-proof": { state: "done" } });
    assert.deepEqual((await retention.observe({ ...spec, keep }, makeDeps(url, { evidence }))).plan, []);
  });

  it("keeps what a step of the present attempt refers to, and lets it go after the attempt was taken back", async () => {
    const { folder, spec, taken, names } = await takeBackups([true, true]);
    const refers = (state: Entry["state"]) =>
      stateOf({ "database-migration/rehearsal": { state, result: { backup: taken[0]?.sha256 } } });
    const wanted = { ...spec, keep: { proven: 1 } };
    const held = await retention.apply(wanted, makeDeps(url, { evidence: refers("done") }));
    assert.deepEqual([held.removed, held.kept], [[], 2]);
    await retention.apply(wanted, makeDeps(url, { evidence: refers("half-done") }));
    assert.equal(namesIn(folder).length, 2);
    await retention.apply(wanted, makeDeps(url, { evidence: refers("undone") }));
    assert.deepEqual(namesIn(folder), [names[1]]);
  });

  it("leaves backups of other stacks and damaged ones alone, and never the only proven one", async () => {
    const { folder, spec, names } = await takeBackups([false, true, false]);
    const other = { ...spec, identity: { ...spec.identity, stack: "other" }, keep: { proven: 1 } };
    assert.equal((await retention.apply(other, makeDeps(url))).kept, 0);
    appendFileSync(join(folder, names[0] ?? "", "manifest.json"), " ");
    await retention.apply({ ...spec, keep: { proven: 1 } }, makeDeps(url));
    assert.deepEqual(namesIn(folder), [...names].sort());
  });

  describe("by hand", () => {
    const storeOf = (folder: string) => ({
      stack: "test",
      root: folder,
      evidence: join(temporaryFolder(), "evidence"),
    });

    /** A finished step in the evidence that refers to a backup. */
    function refer(evidence: string, sha256: string): void {
      const step = { phase: "pre-flight", step: "backup", kind: "backup", verb: "apply" as const };
      const chain = Chain.open(evidence);
      const begin = { digest: "0".repeat(64), generation: 1, spec: {}, will: [] };
      const { number } = chain.append({ record: "begin", ...step, ...begin });
      chain.append({ record: "end", ...step, begin: number, outcome: "done", result: { sha256 } });
    }

    it("lists moment, size, proof and need of each, and the damaged ones", async () => {
      const { folder, taken, names } = await takeBackups([true, false]);
      const store = storeOf(folder);
      refer(store.evidence, taken[1]?.sha256 ?? "");
      const lines = await listLines(store);
      assert.match(
        lines[1] ?? "",
        new RegExp(`^${names[1]}  \\S+Z  logical +[\\d.]+ KiB  not proven  needed by pre-flight/backup$`),
      );
      assert.match(lines[2] ?? "", new RegExp(`^${names[0]}  \\S+Z  logical +[\\d.]+ KiB  proven$`));
      appendFileSync(join(folder, names[0] ?? "", "manifest.json"), " ");
      assert.match((await listLines(store))[2] ?? "", /damaged: its manifest\.json was changed/);
      assert.match((await listLines(storeOf(temporaryFolder()))).join(), /^no backup of stack test in /);
    });

    it("erases one for good, and the evidence keeps a record of it", async () => {
      const { folder, taken, names } = await takeBackups([false, true]);
      const store = storeOf(folder);
      const line = await eraseByName(store, names[0], { yes: false });
      assert.match(line, /^backups: erased \S+; the evidence keeps a record of it$/);
      assert.deepEqual(namesIn(folder), [names[1]]);
      const [event] = Chain.open(store.evidence).records;
      assert.ok(event?.record === "event" && event.event === "backup-erased");
      assert.ok(event.note.includes(`${names[0]} of `) && event.note.endsWith(taken[0]?.sha256 ?? "?"));
    });

    it("asks for --yes before it erases one that is needed, which then shows as drift", async () => {
      const { folder, taken, names } = await takeBackups([true]);
      const store = storeOf(folder);
      refer(store.evidence, taken[0]?.sha256 ?? "");
      await assert.rejects(eraseByName(store, names[0], { yes: false }), {
        name: "StepError",
        message:
          /expected a backup that nothing needs, got \S+: pre-flight\/backup of the present attempt refers to it; it is the newest that was proven\. .*drift.* add --yes$/,
      });
      assert.deepEqual(namesIn(folder), names);
      assert.equal(Chain.open(store.evidence).records.length, 2);
      await eraseByName(store, names[0], { yes: true });
      const { drift } = await backup.observe(backupSpec(folder), makeDeps(url));
      assert.match(drift[0]?.expected ?? "", /^a backup of this step in /);
    });

    it("refuses a name that is none, also one that leads out of the folder", async () => {
      const { folder } = await takeBackups([false]);
      for (const name of [undefined, "nothing", "../backups", "."])
        await assert.rejects(
          eraseByName(storeOf(folder), name, { yes: true }),
          /expected the name of a backup of stack test, got /,
        );
      assert.equal(namesIn(folder).length, 1);
    });
  });
});
