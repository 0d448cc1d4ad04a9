import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { appendFileSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Entry } from "../../ledger/entries.ts";
import { createOutputSnapshot, outputSnapshot } from "../../steps/output-snapshot.ts";
import { readSnapshot } from "../../steps/read-snapshot.ts";
import { finalPath, listSnapshots } from "../../steps/snapshot-store.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { makeDeps, runSql } from "./preflight-deps.ts";
import {
  databaseWithDeals,
  keptAnalysis,
  linesOf,
  snapshotSpec,
  snapshotsOf,
  startApp,
  type TestApp,
} from "./snapshot-fixture.ts";

// Waiting between attempts is not what these tests are about.
const hasty = createOutputSnapshot({ timer: { now: () => performance.now(), sleep: async () => undefined } });

describe("output snapshot", () => {
  const apps: TestApp[] = [];
  const app = async (...args: Parameters<typeof startApp>) => {
    const started = await startApp(...args);
    apps.push(started);
    return started;
  };
  afterEach(async () => {
    for (const { close } of apps.splice(0)) await close();
  });

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

  it("counts and lists errors deal by deal, and afterwards asks for these deals alone", async () => {
    const url = await databaseWithDeals(30);
    const bad: Record<
      string,
      Parameters<typeof startApp>[0] extends ((...a: never[]) => infer R) | undefined ? Awaited<R> : never
    > = {
      3: { status: 500, body: "secret of a customer" },
      4: { body: "not json, but a customer's name" },
      5: { body: `"${"x".repeat(3000)}"` },
      6: { status: 302, headers: { location: "/login" } },
    };
    let broken = true;
    const { url: appUrl, asked } = await app((key) => (broken && bad[key]) || {});
    const spec = snapshotSpec(appUrl, { maxAnswerKib: 2 });
    const deps = makeDeps(url);
    const error: Error = await hasty.apply(spec, deps).then(
      () => assert.fail("expected errors"),
      (thrown) => thrown,
    );
    assert.match(
      error.message,
      /expected at most 0 deals with an error, got 4 of 30:\n {2}- deal 3: analysis, status 500\n {2}- deal 4: analysis, not JSON\n {2}- deal 5: analysis, larger than 2 KiB\n {2}- deal 6: analysis, status 302/,
    );
    const [, summary = ""] = /List: (\S+)/.exec(error.message) ?? [];
    assert.equal(JSON.parse(deps.readArtifact(summary)).errors[1].reason, "not JSON");
    assert.doesNotMatch(deps.readArtifact(summary) + error.message, /customer/);
    broken = false;
    asked.length = 0;
    const result = await hasty.apply(spec, deps);
    assert.deepEqual(asked.sort(), ["3", "4", "5", "6"]);
    assert.deepEqual([result.total_deals, result.error_count], [30, 0]);
    const whole = await outputSnapshot.apply(snapshotSpec(appUrl), makeDeps(url));
    assert.equal(result.sha256, whole.sha256);
  });

  it("lets as many deals end in an error as the configuration allows, and keeps their lines", async () => {
    const url = await databaseWithDeals(10);
    const { url: appUrl } = await app((key) => (key === "7" ? { status: 500 } : {}));
    const result = await hasty.apply(snapshotSpec(appUrl, { maxErrors: 1 }), makeDeps(url));
    assert.deepEqual([result.total_deals, result.success_count, result.error_count], [10, 9, 1]);
    assert.equal(
      (await linesOf(result.path))[6],
      '{"key":"7","error":{"request":"analysis","reason":"status 500"}}',
    );
  });

  it("tries a request again that meets a busy application or a cut line, as long as it is told to wait", async () => {
    const url = await databaseWithDeals(3);
    const tries = new Map<string, number>();
    const { url: appUrl } = await app((key) => {
      tries.set(key, (tries.get(key) ?? 0) + 1);
      if (tries.get(key) !== 1) return {};
      return key === "1" ? { status: 503, headers: { "retry-after": "7" } } : key === "2" ? "cut" : {};
    });
    const waits: number[] = [];
    const timer = { now: () => 0, sleep: async (ms: number) => void waits.push(ms) };
    const spec = snapshotSpec(appUrl, { concurrency: 1 });
    const result = await createOutputSnapshot({ timer }).apply(spec, makeDeps(url));
    assert.equal(result.error_count, 0);
    assert.ok(waits.includes(7000) && waits.includes(200), waits.join());
  });

  it("takes an application that went down for no deals' error: it stops, and goes on when it is up", async () => {
    const url = await databaseWithDeals(100);
    let up = true;
    let answered = 0;
    const { url: appUrl, asked } = await app(() => {
      answered += 1;
      if (answered > 50) up = false;
      return up ? {} : "cut";
    });
    const spec = snapshotSpec(appUrl, { concurrency: 1 });
    await assert.rejects(hasty.apply(spec, makeDeps(url)), {
      name: "StepError",
      message: /for 20 deals in a row\. 50 deals are kept: bring it up and run again/,
    });
    up = true;
    answered = -1000;
    asked.length = 0;
    const result = await hasty.apply(spec, makeDeps(url));
    assert.deepEqual([result.total_deals, result.error_count, asked[0], asked.length], [100, 0, "51", 50]);
  });

  it("leaves out a deal that is deleted while the snapshot runs, and keeps the error of one that is only not found", async () => {
    const url = await databaseWithDeals(5);
    const { url: appUrl } = await app(async (key) => {
      if (key === "2") await runSql(url, "DELETE FROM deals WHERE id = 2");
      return key === "2" || key === "4" ? { status: 404 } : {};
    });
    const result = await hasty.apply(snapshotSpec(appUrl, { maxErrors: 1 }), makeDeps(url));
    assert.deepEqual([result.total_deals, result.error_count], [4, 1]);
    assert.match(
      (await linesOf(result.path)).join("\n"),
      /"key":"4","error":\{"request":"analysis","reason":"status 404"/,
    );
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
