import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { investigationFolder } from "../../cli/investigate/bundle.ts";
import { investigateDeals } from "../../cli/investigate/investigate-deals.ts";
import { validValues } from "../config/valid-values.ts";
import { SnapshotEvidence } from "../steps/regression-fixture.ts";
import { databaseOfDeals, ReleasedHost } from "../steps/release-fixture.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const SERVE = ["sh", "-c", 'LOG_DIR="$0" PORT="$1" exec node --import tsx web.ts', "{scratch}", "{port}"];
const RULES = { acquisition: "identical", carveout: "identical", divestiture: "identical" };

describe("rollout investigate", () => {
  let url: string;
  let host: ReleasedHost;
  let log: string;
  const evidence = new SnapshotEvidence();
  before(async () => {
    url = await databaseOfDeals();
    host = await ReleasedHost.make(url);
    log = join(host.folder, "log/deals.log");
    evidence.keep("pre-flight", "output-snapshot", [{ key: "1", analysis: '{"cost_total":"100.00"}' }]);
    evidence.keep("validation", "post-snapshot", [{ key: "1", analysis: '{"cost_total":"190.00"}' }]);
  });

  const investigate = async (keys: string[], changed: object = {}) => {
    const reports = temporaryFolder("reports");
    const section = { command: SERVE, rules: RULES, timeoutSeconds: 150 };
    const values = validValues({
      ...{ phase: "0", databaseUrl: url, evidence: { url: `file:${evidence.folder}` }, shadow: section },
      ...{ regression: { rules: RULES }, deployment: { repository: "/nowhere", logs: [log] } },
      hosts: [
        {
          ...host.address,
          services: [{ unit: "web", kind: "web", processes: 1, health: "http://127.0.0.1:1/health" }],
        },
      ],
      releases: host.shas,
      ...changed,
    });
    const readSource = async () => ({ values, stack: "test", secrets: ["databaseUrl"] });
    const shown = await investigateDeals("test", keys, { log: () => undefined, reports, readSource });
    return {
      shown: shown.join("\n"),
      folder: (key: string) => investigationFolder({ reports, stack: "test", key }),
    };
  };

  it("gathers row, log lines, outputs before and after, a fresh analysis and the difference in files for its owner alone", async () => {
    writeFileSync(`${log}.1.gz`, gzipSync("2026-01-01T00:00:00Z stored deal_id=1 n=0\n"));
    writeFileSync(log, "stored deal_id=1\nstored deal_id=12\nother xdeal_id=1\n");
    appendFileSync(log, 'x deal_id=1, "secret name"\nx deal_id=1.5\n');
    const { shown, folder } = await investigate(["1"]);
    assert.doesNotMatch(shown, /not analysed afresh: .*/);
    const files = readdirSync(folder("1")).sort();
    assert.deepEqual(files, [
      "differences.json",
      "fresh-flag-off.json",
      "fresh-flag-on.json",
      "logs-web-1.log",
      "row.json",
      "snapshot-pre-flight-output-snapshot.json",
      "snapshot-validation-post-snapshot.json",
      "summary.md",
    ]);
    for (const file of files) assert.equal(statSync(join(folder("1"), file)).mode & 0o777, 0o600, file);
    const read = (file: string) => readFileSync(join(folder("1"), file), "utf8");
    assert.equal(JSON.parse(read("row.json")).name, "Deal 1");
    assert.equal(
      read("logs-web-1.log"),
      '2026-01-01T00:00:00Z stored deal_id=1 n=0\nstored deal_id=1\nx deal_id=1, "secret name"\n',
    );
    assert.equal(read("snapshot-validation-post-snapshot.json"), '{"analysis":{"cost_total":"190.00"}}\n');
    assert.equal(JSON.parse(read("fresh-flag-on.json")).analysis.deal_id, "1");
    assert.match(
      shown,
      /# Deal 1\n[\s\S]*- analysis\.cost_total: expected within 5 % of the value before, got 1\.9 times\n/,
    );
    assert.match(shown, /- with the flag on it is what with the flag off was\n/);
    assert.match(
      shown,
      /- with the flag off it differs from the snapshot of 2026-\S+ in analysis\.cost_total/,
    );
    assert.match(shown, /- web-1: 3 lines\n/);
    assert.doesNotMatch(shown, /190|secret|Deal 1"/);
  });

  it("says what could not be had, and gathers the rest", async () => {
    const { shown, folder } = await investigate(["2", "3"], {
      deployment: { repository: "/nowhere", logs: ["/no/where.log"] },
      shadow: { command: ["sh", "-c", "exit 3"], rules: RULES },
    });
    assert.match(shown, /# Deal 2\n[\s\S]*# Deal 3\n/);
    assert.match(shown, /pre-flight\/output-snapshot of 2026-\S+ does not have this deal/);
    assert.match(shown, /not analysed afresh: .* got exit code 3/);
    assert.match(shown, /web-1: \/no\/where\.log is not there/);
    assert.ok(readdirSync(folder("3")).includes("row.json"));
  });

  for (const [key, said] of [
    ["abc", /expected a value of deals\.id as the deal's key, got "abc"\. Correct it\./],
    ["1; DROP TABLE deals", /as the deal's key, got "1; DROP TABLE deals"/],
    ["99999999999999999999", /as the deal's key, got "9{20}"/],
    ["424242", /expected a deal "424242" in public\.deals, got none/],
  ] as const)
    it(`refuses a key that is none, and writes nothing: ${key}`, async () => {
      await assert.rejects(investigate(["1", key]), { name: "StepError", message: said });
    });

  it("keeps a key of any letters in a folder of its own, within the reports", () => {
    for (const key of ["../../etc", "..", ".", "a/b", "ü*", "x".repeat(5000)]) {
      const folder = investigationFolder({ reports: "reports", stack: "s", key });
      assert.match(folder, /^reports\/s\/investigations\/[^/]{1,200}$/);
      assert.doesNotMatch(folder, /\.\.|\/\.$/);
    }
  });

  it("keeps no more than the last lines of a busy deal", async () => {
    mkdirSync(join(host.folder, "busy"));
    const busy = join(host.folder, "busy/app.log");
    writeFileSync(busy, Array.from({ length: 3000 }, (_, n) => `${n} deal_id=1\n`).join(""));
    const { folder } = await investigate(["1"], { deployment: { repository: "/nowhere", logs: [busy] } });
    const lines = readFileSync(join(folder("1"), "logs-web-1.log"), "utf8")
      .trim()
      .split("\n");
    assert.deepEqual([lines.length, lines[0], lines.at(-1)], [1000, "2000 deal_id=1", "2999 deal_id=1"]);
  });
});
