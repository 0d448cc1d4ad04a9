import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createOutputSnapshot, outputSnapshot } from "../../steps/output-snapshot.ts";
import { readSnapshot } from "../../steps/snapshot/read-snapshot.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { makeDeps, runSql } from "./preflight-deps.ts";
import {
  databaseWithDeals,
  keptAnalysis,
  linesOf,
  snapshotSpec,
  snapshotsOf,
  testApps,
} from "./snapshot-fixture.ts";

describe("output snapshot", () => {
  const app = testApps();

  it("keeps what the application says of every deal in the order of the keys, numbers letter by letter", async () => {
    const url = await databaseWithDeals(2500);
    const { url: appUrl, asked } = await app();
    const spec = snapshotSpec(appUrl);
    const deps = makeDeps(url);
    const result = await outputSnapshot.apply(spec, deps);
    assert.deepEqual([result.total_deals, result.success_count, result.error_count], [2500, 2500, 0]);
    const lines = await linesOf(result.path);
    assert.deepEqual(
      lines,
      Array.from(
        { length: 2500 },
        (_, n) => `{"key":"${n + 1}","outputs":{"analysis":${keptAnalysis(String(n + 1))}}}`,
      ),
    );
    assert.equal(result.sha256, createHash("sha256").update(readFileSync(result.path)).digest("hex"));
    assert.equal(new Set(asked).size, 2500);
    assert.equal(statSync(result.path).mode & 0o777, 0o600);
    const summary = JSON.parse(deps.readArtifact(result.summary));
    assert.deepEqual([summary.total_deals, summary.success_count, summary.error_count], [2500, 2500, 0]);
    assert.deepEqual((await outputSnapshot.observe(spec, deps)).drift, []);
  });

  it("is the same lines packed as unpacked", async () => {
    const url = await databaseWithDeals(50);
    const { url: appUrl } = await app();
    const plain = await outputSnapshot.apply(snapshotSpec(appUrl), makeDeps(url));
    const packed = await outputSnapshot.apply(snapshotSpec(appUrl, { compress: "gzip" }), makeDeps(url));
    assert.match(packed.path, /\.ndjson\.gz$/);
    assert.deepEqual(await linesOf(packed.path), await linesOf(plain.path));
    assert.equal(packed.contentSha256, plain.sha256);
    assert.ok(packed.bytes < plain.bytes);
  });

  it("tells rows that somebody edited from those that are as they were, whatever became of their type", async () => {
    const url = await databaseWithDeals(3);
    await runSql(url, "ALTER TABLE deals ADD staff int DEFAULT 5, ADD updated_at timestamptz");
    const { url: appUrl } = await app();
    const rowsOf = async () => {
      const { path } = await outputSnapshot.apply(snapshotSpec(appUrl), makeDeps(url));
      const rows: [unknown, unknown][] = [];
      for await (const { type, row } of readSnapshot(path)) rows.push([type, row]);
      return rows;
    };
    const before = await rowsOf();
    await runSql(
      url,
      "UPDATE deals SET deal_type = 'carve-\"out', updated_at = now()",
      "UPDATE deals SET staff = 6 WHERE id = 2",
    );
    const after = await rowsOf();
    assert.deepEqual(
      before.map(([type]) => type),
      [null, null, null],
    );
    assert.deepEqual(
      after.map(([type]) => type),
      Array(3).fill('carve-"out'),
    );
    assert.deepEqual(
      after.map(([, row], index) => row === before[index]?.[1]),
      [true, false, true],
    );
  });

  it("asks several addresses for each deal, with a token that is in no file, and goes to keys of any type", async () => {
    const url = await databaseWithDeals(0);
    await runSql(
      url,
      "ALTER TABLE deals ALTER id TYPE text",
      "INSERT INTO deals VALUES ('a/b'), ('ü'), ('x\"y')",
    );
    process.env.CANARY_TOKEN = "canary-token";
    try {
      const running = await app((_, method) => ({ body: `{"by":"${method}"}` }));
      const requests = [
        { name: "analysis", path: "/api/v1/deals/{key}/analysis" },
        { name: "costs", path: "/api/v1/deals/{key}/costs", method: "POST", storesNothing: true },
      ];
      const spec = snapshotSpec(running.url, { requests, tokenVariable: "CANARY_TOKEN" });
      const result = await outputSnapshot.apply(spec, makeDeps(url));
      assert.equal(running.headers.authorization, "Bearer canary-token");
      const lines = await linesOf(result.path);
      assert.deepEqual(
        lines.map((line) => JSON.parse(line).key),
        ["a/b", 'x"y', "ü"],
      );
      assert.equal(lines[0], '{"key":"a/b","outputs":{"analysis":{"by":"GET"},"costs":{"by":"POST"}}}');
      for (const name of readdirSync(snapshotsOf(spec)))
        assert.doesNotMatch(readFileSync(join(snapshotsOf(spec), name), "utf8"), /canary/);
    } finally {
      delete process.env.CANARY_TOKEN;
    }
  });

  it("asks a configured command, a batch of keys at a time", async () => {
    const url = await databaseWithDeals(1200);
    const { url: appUrl } = await app();
    const script = join(temporaryFolder(), "outputs.sh");
    writeFileSync(
      script,
      `while read -r key; do printf '{"key": "%s", "outputs": {"cost": 1.10}}\\n' "$key"; done < "$1"`,
    );
    const spec = snapshotSpec(appUrl, { command: ["sh", script, "{keys}"] });
    const result = await outputSnapshot.apply(spec, makeDeps(url));
    assert.equal(result.success_count, 1200);
    assert.equal((await linesOf(result.path)).at(-1), '{"key":"1200","outputs":{"cost":1.10}}');
    writeFileSync(script, `sed 's/.*/{"key":"&","outputs":{}}/' "$1" | grep -v '"5"'; echo`);
    await assert.rejects(
      outputSnapshot.apply(snapshotSpec(appUrl, { command: ["sh", script, "{keys}"] }), makeDeps(url)),
      /got 1 of 1,200:\n {2}- deal 5: command, no output/,
    );
    writeFileSync(script, "exit 3");
    await assert.rejects(
      outputSnapshot.apply(snapshotSpec(appUrl, { command: ["sh", script, "{keys}"] }), makeDeps(url)),
      /got exit code 3 for 20 deals in a row/,
    );
  });

  it("writes nothing to the database, and can't", async () => {
    const url = await databaseWithDeals(10);
    const { url: appUrl } = await app();
    const counts = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables";
    const seen: string[] = [];
    const deps = makeDeps(url);
    const connect = async () => {
      const client = await deps.connect();
      const { query } = client;
      client.query = ((...args: unknown[]) => {
        seen.push(String(args[0]));
        return (query as (...given: unknown[]) => unknown).apply(client, args);
      }) as typeof query;
      return client;
    };
    const before = await runSql(url, counts);
    await outputSnapshot.apply(snapshotSpec(appUrl), { ...deps, connect });
    assert.deepEqual((await runSql(url, counts))[0]?.rows, before[0]?.rows);
    assert.ok(seen.includes("SET default_transaction_read_only = on"));
  });

  it("holds the configured rate, by its own clock", async () => {
    const url = await databaseWithDeals(101);
    const { url: appUrl } = await app();
    let clock = 0;
    const timer = {
      now: () => clock,
      sleep: async (ms: number) => {
        clock += ms;
      },
    };
    const spec = snapshotSpec(appUrl, { requestsPerSecond: 10, concurrency: 1 });
    await createOutputSnapshot({ timer }).apply(spec, makeDeps(url));
    // The first goes at once, a hundred follow a tenth of a second apart.
    assert.equal(clock, 10_000);
  });

  it("never asks for more deals at a time than the configuration allows", async () => {
    const url = await databaseWithDeals(200);
    let [open, most] = [0, 0];
    let allThere = () => {};
    const three = new Promise<void>((resolve) => {
      allThere = resolve;
    });
    const { url: appUrl } = await app(async () => {
      open += 1;
      most = Math.max(most, open);
      if (open === 3) allThere();
      // Nobody is answered before three have asked.
      await three;
      await new Promise(setImmediate);
      open -= 1;
      return {};
    });
    await outputSnapshot.apply(snapshotSpec(appUrl, { concurrency: 3 }), makeDeps(url));
    assert.equal(most, 3);
  });

  it("sees before it runs what is in the way, and how long it will take", async () => {
    const url = await databaseWithDeals(5000);
    const running = await app();
    const spec = snapshotSpec(running.url, { requestsPerSecond: 10 });
    const { blockers, plan, estimateSeconds = 0, drift } = await outputSnapshot.observe(spec, makeDeps(url));
    assert.deepEqual(blockers, []);
    assert.match(plan.join(), /ask GET \/api\/v1\/deals\/\{key\}\/analysis for every deal \(about 5,000\)/);
    assert.ok(estimateSeconds >= 500, `${estimateSeconds}`);
    assert.match(drift[0]?.observed ?? "", /none/);
    assert.ok(running.asked.length <= 3);
    assert.throws(() => statSync(snapshotsOf(spec)), /ENOENT/);
    const nobody = await outputSnapshot.observe(snapshotSpec("http://127.0.0.1:9"), makeDeps(url));
    assert.match(
      nobody.blockers.join(),
      /expected the application at http:\/\/127\.0\.0\.1:9 to answer, got ECONNREFUSED/,
    );
    await runSql(url, "ALTER TABLE deals DROP CONSTRAINT deals_pkey");
    assert.match(
      (await outputSnapshot.observe(spec, makeDeps(url))).blockers.join(),
      /expected id to be the primary key of public\.deals/,
    );
  });

  it("shows a file that was removed or cut off as drift, and never removes a finished one itself", async () => {
    const url = await databaseWithDeals(5);
    const { url: appUrl, asked } = await app();
    const spec = snapshotSpec(appUrl);
    const result = await outputSnapshot.apply(spec, makeDeps(url));
    asked.length = 0;
    assert.equal((await outputSnapshot.apply(spec, makeDeps(url))).path, result.path);
    assert.equal(asked.length, 0, "the run before broke off after its snapshot");
    truncateSync(result.path, 10);
    assert.match((await outputSnapshot.observe(spec, makeDeps(url))).drift[0]?.observed ?? "", /^10 bytes$/);
    const again = await outputSnapshot.apply({ ...spec, generation: 2 }, makeDeps(url));
    assert.equal(again.sha256, result.sha256);
    const undone = await outputSnapshot.undo(spec, makeDeps(url));
    assert.equal(undone.kept.length, 2);
    assert.ok(statSync(again.path).size > 10);
    assert.match((await outputSnapshot.observe(spec, makeDeps(url))).drift[0]?.observed ?? "", /^none$/);
  });
});
