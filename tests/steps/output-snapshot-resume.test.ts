import assert from "node:assert/strict";
import { appendFileSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Entry } from "../../ledger/entries.ts";
import { outputSnapshot } from "../../steps/output-snapshot.ts";
import { finalPath, listSnapshots } from "../../steps/snapshot/snapshot-store.ts";
import { makeDeps, runSql } from "./preflight-deps.ts";
import { databaseWithDeals, snapshotSpec, snapshotsOf, testApps } from "./snapshot-fixture.ts";

describe("an output snapshot that broke off", () => {
  const app = testApps();

  it("goes on after the last whole line of a run that broke off, and ends with the same bytes", async () => {
    const url = await databaseWithDeals(40);
    const { url: appUrl, asked } = await app();
    const whole = await outputSnapshot.apply(snapshotSpec(appUrl), makeDeps(url));
    const spec = snapshotSpec(appUrl);
    // A run that broke off is a manifest that says `running` and a file that ends anywhere.
    await assert.rejects(
      outputSnapshot.apply(
        { ...spec, outputs: { ...spec.outputs, maxErrors: 0 } },
        makeDeps(url, { saveArtifact: async () => assert.fail("the process dies here") }),
      ),
    );
    const partial = join(
      snapshotsOf(spec),
      readdirSync(snapshotsOf(spec)).find((name) => name.endsWith(".partial")) ?? "",
    );
    const text = readFileSync(partial, "utf8");
    const cut = text.indexOf('{"key":"18"');
    for (const end of [0, cut, cut + 30]) {
      truncateSync(partial, 0);
      appendFileSync(partial, text.slice(0, end));
      asked.length = 0;
      const deps = makeDeps(url, end > cut ? {} : { saveArtifact: async () => assert.fail("dies again") });
      const run = outputSnapshot.apply(spec, deps);
      if (end <= cut) await assert.rejects(run, /dies again/);
      else assert.equal((await run).sha256, whole.sha256);
      assert.deepEqual(asked.length, end === 0 ? 40 : 23);
    }
    assert.deepEqual(
      readdirSync(snapshotsOf(spec)).map((name) => name.replace(/^.*Z/, "")),
      [".json", ".ndjson"],
    );
  });

  it("goes on after the database was restarted under it", async () => {
    const url = await databaseWithDeals(3000);
    const { url: appUrl } = await app(async (key) => {
      if (key === "500")
        await runSql(
          url,
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
      return {};
    });
    assert.equal((await outputSnapshot.apply(snapshotSpec(appUrl), makeDeps(url))).success_count, 3000);
  });

  it("is begun anew when what broke off is too old, or another release answered it", async () => {
    const url = await databaseWithDeals(5);
    const running = await app();
    running.release = "a".repeat(40);
    const dying = { saveArtifact: async () => assert.fail("dies") };
    const spec = snapshotSpec(running.url);
    const breakOff = async (overrides: object = {}) => {
      running.asked.length = 0;
      await assert.rejects(outputSnapshot.apply(spec, makeDeps(url, { ...dying, ...overrides })), /dies/);
      return running.asked.length;
    };
    assert.deepEqual([await breakOff(), await breakOff()], [5, 0]);
    running.release = "b".repeat(40);
    assert.equal(await breakOff(), 5);
    assert.equal(await breakOff({ now: () => new Date(Date.now() + 25 * 3_600_000) }), 5);
    assert.equal(readdirSync(snapshotsOf(spec)).length, 2, "one manifest and its lines");
  });

  it("is no snapshot when another release answers than the one that was asked for, or one after the other", async () => {
    const url = await databaseWithDeals(5);
    const running = await app((key) => {
      if (key === "3") running.release = "b".repeat(40);
      return {};
    });
    running.release = "a".repeat(40);
    const spec = snapshotSpec(running.url);
    const other = { ...spec, release: "c".repeat(40) };
    await assert.rejects(
      outputSnapshot.apply(other, makeDeps(url)),
      /expected release c{40} at .*, got a{40}/,
    );
    assert.match(
      (await outputSnapshot.observe(other, makeDeps(url))).blockers.join(),
      /expected release c{40}/,
    );
    await assert.rejects(
      outputSnapshot.apply(spec, makeDeps(url)),
      /expected one release to answer for all deals/,
    );
    assert.deepEqual(readdirSync(snapshotsOf(spec)), []);
  });

  it("remembers when it began by the database's clock, and by the first one's after it broke off", async () => {
    const url = await databaseWithDeals(3);
    const { url: appUrl } = await app();
    const spec = snapshotSpec(appUrl);
    const tomorrow = new Date(Date.now() + 86_400_000);
    const dies = { now: () => tomorrow, saveArtifact: async () => assert.fail("the process dies here") };
    await assert.rejects(outputSnapshot.apply(spec, makeDeps(url, dies)), /dies here/);
    const read = () => listSnapshots(snapshotsOf(spec))[0]?.manifest.clock ?? "";
    const begun = read();
    assert.ok(Math.abs(Date.parse(begun) - Date.now()) < 3_600_000, begun);
    await outputSnapshot.apply(spec, makeDeps(url, { now: () => tomorrow }));
    assert.equal(read(), begun);
  });

  it("removes a file that a killed run was packing when it is undone", async () => {
    const url = await databaseWithDeals(3);
    const { url: appUrl } = await app();
    const spec = snapshotSpec(appUrl);
    const dies = { saveArtifact: async () => assert.fail("the process dies here") };
    await assert.rejects(outputSnapshot.apply(spec, makeDeps(url, dies)), /dies here/);
    const [left] = listSnapshots(snapshotsOf(spec));
    writeFileSync(`${left && finalPath(left)}.incoming`, "x");
    await outputSnapshot.undo(spec, makeDeps(url));
    assert.deepEqual(readdirSync(snapshotsOf(spec)), []);
  });

  for (const [own, switched, said] of [
    [
      "validation",
      "validation",
      /lower the phase to 3 and rise to 4 again \(npx rollout config set phase 3 --stack test && /,
    ],
    [
      "pre-flight",
      "code-deployment",
      /lower the phase to 0 and rise to 2 again \(npx rollout config set phase 0 --stack test && /,
    ],
    ["validation", "interface-rollout", /Deploy the expected one, or correct releases/],
  ] as const)
    it(`says how one of ${own} is taken again once ${switched} has switched the release`, async () => {
      const url = await databaseWithDeals(5);
      const running = await app();
      running.release = "b".repeat(40);
      const base = snapshotSpec(running.url);
      const identity = { ...base.identity, phase: own, step: "post-snapshot" };
      const spec = { ...base, identity, release: "a".repeat(40) };
      const entry = { phase: switched, kind: "release-switch", state: "half-done" } as unknown as Entry;
      const entries = new Map([[`${switched}/release-switch`, entry]]);
      const deps = makeDeps(url, { evidence: { entries: () => entries, records: () => [] } });
      assert.match((await outputSnapshot.observe(spec, deps)).blockers.join(), said);
      await assert.rejects(outputSnapshot.apply(spec, deps), said);
    });

  it("stops when it is cancelled, and keeps what it has", async () => {
    const url = await databaseWithDeals(3000);
    const controller = new AbortController();
    const { url: appUrl, asked } = await app((key) => {
      if (key === "2000") controller.abort(new Error("cancelled by the test"));
      return {};
    });
    const spec = snapshotSpec(appUrl);
    await assert.rejects(
      outputSnapshot.apply(spec, makeDeps(url, { signal: controller.signal })),
      /cancelled by the test/,
    );
    asked.length = 0;
    assert.equal((await outputSnapshot.apply(spec, makeDeps(url))).success_count, 3000);
    assert.ok(asked.length < 1100, `${asked.length} asked again`);
  });
});
