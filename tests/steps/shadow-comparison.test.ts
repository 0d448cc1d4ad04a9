import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { OutputsSection } from "../../config/outputs.ts";
import { ShadowSection } from "../../config/shadow.ts";
import { takeInTurns } from "../../postgres/deals/deal-sample.ts";
import { compareDeals } from "../../steps/shadow/shadow-compare.ts";
import {
  comparedOutputs,
  type ShadowComparisonSpec,
  shadowComparison,
} from "../../steps/shadow-comparison.ts";
import type { DealAsker } from "../../steps/snapshot/deal-asker.ts";
import { outputsLine } from "../../steps/snapshot/snapshot-line.ts";
import { environmentToBeKilled } from "../temporary-folder.ts";
import { baseSpec, change, makeDeps, runSql } from "./preflight-deps.ts";
import { DEALS, databaseOfDeals, ReleasedHost } from "./release-fixture.ts";

const RULES = {
  acquisition: "identical",
  carveout: [
    { field: "costs[].kind", includes: "tsa" },
    { field: "synergies[].kind", excludes: "consolidation" },
    { field: "cost_total", ratio: { min: "1.84", max: "1.86" } },
  ],
  divestiture: [{ field: "costs[].kind", includes: "extraction" }],
};
const SERVE = [
  "sh",
  "-c",
  'echo $$ >> "$2"; LOG_DIR="$0" PORT="$1" exec node --import tsx web.ts',
  "{scratch}",
  "{port}",
];

describe("shadow comparison", () => {
  let url: string;
  let host: ReleasedHost;
  before(async () => {
    url = await databaseOfDeals();
    host = await ReleasedHost.make(url);
  });

  const pidFile = () => join(host.folder, "pids");
  function specOf(shadow: object = {}, changed: Partial<ShadowComparisonSpec> = {}): ShadowComparisonSpec {
    const section = ShadowSection.parse({
      command: [...SERVE, pidFile()],
      sample: 30,
      rules: RULES,
      ...shadow,
    });
    const outputs = comparedOutputs(OutputsSection.parse({ requestsPerSecond: 10_000 }));
    const own = { change, shadow: section, outputs, release: host.shas.feature, host: host.address };
    return shadowComparison.spec.parse({
      ...baseSpec("shadow-comparison"),
      ...{ ...own, flagVariable: "DEAL_TYPE_AWARENESS", ...changed },
    });
  }

  const pids = () =>
    existsSync(pidFile()) ? readFileSync(pidFile(), "utf8").trim().split("\n").map(Number) : [];
  function isRunning(pid: number): boolean {
    try {
      return !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
    } catch {
      return false;
    }
  }
  async function untilNothingRuns(): Promise<void> {
    while (pids().some(isRunning)) await sleep(20);
  }

  it("compares the same deals of every type with the flag on and off, and writes nothing to the database", async () => {
    const deps = makeDeps(url);
    const tally = async () =>
      (await runSql(url, "SELECT md5(string_agg(d::text, '' ORDER BY id)) AS sum FROM deals d"))[0]?.rows;
    const before = await tally();
    assert.deepEqual((await shadowComparison.observe(specOf(), deps)).blockers, []);
    const result = await shadowComparison.apply(specOf(), deps);
    assert.deepEqual(result.byType, { acquisition: 14, carveout: 14, divestiture: DEALS.divestiture });
    assert.deepEqual([result.compared, result.gone, result.differences], [30, 0, []]);
    const again = await shadowComparison.apply(specOf(), makeDeps(url));
    assert.deepEqual(again.byType, result.byType);
    assert.deepEqual(await tally(), before);
    assert.equal(pids().length, 4);
    await untilNothingRuns();
  });

  it("stops a release that changes what has to stay, with key, type and field of each deal", async () => {
    const release = host.alter(
      "a",
      "synergy-engine.ts",
      "return consolidationSynergies(deal);",
      "return consolidationSynergies(deal).slice(settings.flag ? 1 : 0);",
    );
    const deps = makeDeps(url);
    let report = "";
    await assert.rejects(shadowComparison.apply(specOf({}, { release }), deps), (error: Error) => {
      assert.match(error.message, /got \d+ differences in 14 of 30 deals \((artifacts\/\S+)\)\./);
      assert.match(
        error.message,
        /\n {2}- deal \d+ \(acquisition\): analysis\.synergies: expected 2 elements as with the flag off, got 1\n/,
      );
      assert.doesNotMatch(error.message, /carveout\)|\d\.\d\d/);
      report = /\((artifacts\/\S+)\)/.exec(error.message)?.[1] ?? "";
      return error.name === "StepError";
    });
    assert.equal(
      new Set(JSON.parse(deps.readArtifact(report)).differences.map(({ key }: { key: string }) => key)).size,
      14,
    );
    await untilNothingRuns();
  });

  it("stops a release whose costs leave the bounds", async () => {
    const rules = { ...RULES, carveout: [{ field: "cost_total", ratio: { min: "1.9", max: "2" } }] };
    await assert.rejects(
      shadowComparison.apply(specOf({ rules }), makeDeps(url)),
      /deal \d+ \(carveout\): cost_total: expected 1\.9 to 2 times the value with the flag off, got 1\.85 times/,
    );
  });

  it("stops a release that does not take the flag from its environment", async () => {
    const release = host.alter(
      "b",
      "settings.ts",
      "readFlag(awareness)",
      "readFlag(String(awareness === undefined))",
    );
    await assert.rejects(
      shadowComparison.apply(specOf({}, { release }), makeDeps(url)),
      /expected the new release with the flag on to say release b{40}, flag true, got b{40}, flag false\..*DEAL_TYPE_AWARENESS/,
    );
    await untilNothingRuns();
  });

  it("tells why a release does not come up, without what its environment file holds", async () => {
    const command = ["sh", "-c", 'echo "no database at $DATABASE_URL" >&2; exit 3'];
    await assert.rejects(shadowComparison.apply(specOf({ command }), makeDeps(url)), (error: Error) => {
      assert.match(
        error.message,
        /to go on running, got exit code 3; the end of its output: no database at \*\*\*\. Mend/,
      );
      return !error.message.includes(url);
    });
    await assert.rejects(
      shadowComparison.apply(specOf({ command: ["sleep", "60"], timeoutSeconds: 1 }), makeDeps(url)),
      /expected the new release with the flag (on|off) to answer at http:\/\/127\.0\.0\.1:\d+\/health within 1 s, got connection refused/,
    );
  });

  for (const [what, changed, said] of [
    ["no shadow section", () => ({ shadow: undefined }), /expected shadow in the stack config, got none/],
    [
      "a type without rules",
      () => ({ shadow: { ...specOf().shadow, rules: { acquisition: "identical" } } }),
      /got none for carveout\. Add shadow\.rules\.carveout/,
    ],
    [
      "a program that is missing",
      () => ({ shadow: { ...specOf().shadow, command: ["no-such-program"] } }),
      /the program no-such-program to be there, got none/,
    ],
    [
      "a rule for a request that is none",
      () => ({
        shadow: {
          ...specOf().shadow,
          rules: { ...RULES, divestiture: [{ field: "a", request: "costs", includes: "b" }] },
        },
      }),
      /name one of outputs\.requests \(analysis\), got costs/,
    ],
    [
      "an environment file that is not there",
      () => ({ host: { ...host.address, envFile: "/nowhere/.env" } }),
      /expected to read \/nowhere\/\.env/,
    ],
    [
      "a variable that is not set",
      () => ({ shadow: { ...specOf().shadow, inherit: ["SHADOW_TOKEN"] } }),
      /the variable SHADOW_TOKEN in the environment, got none/,
    ],
  ] as [string, () => object, RegExp][])
    it(`refuses before anything is started: ${what}`, async () => {
      const started = pids().length;
      const spec = { ...specOf(), ...changed() } as ShadowComparisonSpec;
      const { blockers } = await shadowComparison.observe(spec, makeDeps(url));
      assert.match(blockers.join("\n"), said);
      await assert.rejects(shadowComparison.apply(spec, makeDeps(url)), said);
      assert.equal(pids().length, started);
    });

  it("waits for the release to be installed before it judges what is in it", async () => {
    const release = "c".repeat(40);
    assert.deepEqual(
      (await shadowComparison.observe(specOf({ command: ["bin/serve"] }, { release }), makeDeps(url)))
        .blockers,
      [],
    );
    await assert.rejects(
      shadowComparison.apply(specOf({}, { release }), makeDeps(url)),
      /expected the folder .*c{40} to run in, got none/,
    );
  });

  it("leaves no instance behind when it is killed by SIGKILL, or cancelled", async () => {
    const started = pids().length;
    // Long enough to be killed in the midst of it: the deals are asked for one a second.
    const slow = specOf({}, { outputs: { ...specOf().outputs, requestsPerSecond: 2 } });
    const script = fileURLToPath(new URL("shadow-process.ts", import.meta.url));
    const step = spawn(
      process.execPath,
      ["--import", "tsx", script, JSON.stringify({ databaseUrl: url, spec: slow })],
      { env: environmentToBeKilled(), stdio: "ignore" },
    );
    while (pids().length < started + 2) await sleep(50);
    step.kill("SIGKILL");
    await once(step, "exit");
    await untilNothingRuns();
    const cancel = new AbortController();
    const run = shadowComparison.apply(slow, makeDeps(url, { signal: cancel.signal }));
    while (pids().length < started + 4) await sleep(50);
    cancel.abort(new Error("cancelled by a test"));
    await assert.rejects(run);
    await untilNothingRuns();
  });
});

describe("the deals of a comparison", () => {
  it("are taken in turns, so that a rare type is there", () => {
    assert.deepEqual(takeInTurns([["a1", "a2", "a3"], [], ["c1"]], 3), ["a1", "c1", "a2"]);
  });

  const asker = (answers: string[]): DealAsker => ({
    batch: 1,
    ask: async ([key = ""]) => [
      {
        line: outputsLine(key, [
          ["analysis", answers.length > 1 ? (answers.shift() as string) : (answers[0] as string)],
        ]),
      },
    ],
    readRelease: async () => null,
    close: async () => undefined,
  });
  const options = {
    rules: { a: "identical" as const },
    concurrency: 2,
    signal: new AbortController().signal,
  };
  const row = [{ key: "1", type: "a" }];

  it("are asked again when a user edited one between the two answers", async () => {
    const run = {
      ...options,
      on: asker(['{"n":1}', '{"n":2}']),
      off: asker(['{"n":2}']),
      readType: async () => "a",
    };
    assert.deepEqual(await compareDeals(row, run), [{ type: "a", gone: false, differences: [] }]);
  });

  it("count as gone when they were deleted, and as different when they stay so", async () => {
    const differing = { ...options, on: asker(['{"n":1}']), off: asker(['{"n":2}']) };
    const [gone] = await compareDeals(row, { ...differing, readType: async () => null });
    assert.deepEqual([gone?.gone, gone?.differences], [true, []]);
    const [differs] = await compareDeals(row, { ...differing, readType: async () => "a" });
    assert.equal(differs?.differences[0]?.field, "analysis.n");
  });
});
