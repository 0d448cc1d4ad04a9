import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { loadConfig } from "../../config/load.ts";
import type { RolloutConfig } from "../../config/schema.ts";
import { readSandbox, type Sandbox, sandboxUp } from "../../sandbox/index.ts";
import { PROJECT_ROOT } from "../../sandbox/paths.ts";
import { outputSnapshot } from "../../steps/output-snapshot.ts";
import { testSuite } from "../../steps/test-suite.ts";
import { makeCheckout, removeCheckout } from "../sandbox/checkout.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { baseSpec, makeDeps, runSql } from "./preflight-deps.ts";
import { linesOf } from "./snapshot-fixture.ts";

/** The stack file as it is, on a sandbox in another folder. */
function loadStack(checkout: string): RolloutConfig {
  const text = readFileSync(join(PROJECT_ROOT, "Pulumi.sandbox.yaml"), "utf8").replaceAll(
    " .sandbox/",
    ` ${checkout}/.sandbox/`,
  );
  const { config } = parse(text) as { config: Record<string, unknown> };
  const values = Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      key.replace("deal-type-rollout:", ""),
      typeof value === "object" ? JSON.stringify(value) : value,
    ]),
  );
  return loadConfig({ values, stack: "sandbox", sandbox: () => readSandbox({ checkout }) });
}

describe("the sandbox's baseline", () => {
  let checkout: string;
  let sandbox: Sandbox;
  let config: RolloutConfig;

  before(async function () {
    this.timeout(120_000);
    checkout = makeCheckout();
    sandbox = await sandboxUp({ checkout, deals: 3000, log: () => undefined });
    config = loadStack(checkout);
  });
  after(async function () {
    this.timeout(60_000);
    await removeCheckout(checkout);
  });

  it("is the baseline release's own suite with as many tests as Pulumi.sandbox.yaml expects", async () => {
    const deps = makeDeps(sandbox.database);
    const spec = { ...baseSpec("test-suite"), suite: config.testSuite, release: config.releases.baseline };
    assert.deepEqual((await testSuite.observe(spec, deps)).blockers, []);
    const result = await testSuite.apply(spec, deps);
    assert.equal(result.total, config.testSuite?.expected);
    assert.deepEqual([result.failed, result.skipped, result.flaky], [0, 0, []]);
  });

  it("is what the running application says of every deal, and asking for it stores nothing", async () => {
    const deps = makeDeps(sandbox.database);
    const base = baseSpec("output-snapshot");
    const spec = {
      ...base,
      identity: { ...base.identity, evidenceUrl: `file:${temporaryFolder()}` },
      ...{ change: config.change, appUrl: config.app.url, outputs: config.outputs },
      release: config.releases.baseline,
    };
    const stored = () =>
      runSql(
        sandbox.database,
        "SELECT (SELECT count(*) FROM analyses) AS analyses, (SELECT count(*) FROM cost_items) AS items, (SELECT count(*) FROM jobs) AS jobs, (SELECT max(updated_at)::text FROM deals) AS edited",
      ).then(([result]) => result?.rows[0]);
    const before = await stored();
    const observed = await outputSnapshot.observe(spec, deps);
    assert.deepEqual(observed.blockers, []);
    const result = await outputSnapshot.apply(spec, deps);
    assert.deepEqual(
      [result.total_deals, result.error_count, result.release],
      [3000, 0, config.releases.baseline],
    );
    assert.deepEqual(await stored(), before);
    const [first = ""] = await linesOf(result.path);
    assert.match(
      first,
      /^\{"key":"1","outputs":\{"analysis":\{"deal_id":"1",.*"cost_total":"\d+\.\d\d"\}\}\}$/,
    );
  });
});
