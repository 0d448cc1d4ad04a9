import assert from "node:assert/strict";
import { createOutputSnapshot, outputSnapshot } from "../../steps/output-snapshot.ts";
import { makeDeps, runSql } from "./preflight-deps.ts";
import { databaseWithDeals, linesOf, snapshotSpec, type startApp, testApps } from "./snapshot-fixture.ts";

// Waiting between attempts is not what these tests are about.
const hasty = createOutputSnapshot({ timer: { now: () => performance.now(), sleep: async () => undefined } });

describe("errors of an output snapshot", () => {
  const app = testApps();

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
});
