import { equal, match, ok, rejects } from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { hashOf } from "../../ledger/record.ts";
import type { Finding } from "../../review/finding.ts";
import { surveyTarget } from "../../review/target-survey.ts";
import { releaseFiles } from "../../sandbox/releases/release-files.ts";
import { expand } from "../../steps/expand.ts";
import { type ReviewSpec, review } from "../../steps/review.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { trigger } from "./app-trigger-fixture.ts";
import { CHANGE, RolloutTarget } from "./rollout-target.ts";

const MIGRATIONS = "sandbox/migrations/versions";

/** Writes an Alembic revision. */
function writeRevision(folder: string, id: string, down: string, upgrade = "    pass"): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, `${id}_x.py`),
    `from alembic import op\n\nrevision = "${id}"\ndown_revision = ${down}\n\n\ndef upgrade():\n${upgrade}\n`,
  );
}

describe("review", () => {
  let target: RolloutTarget;

  beforeEach(async () => {
    target = await RolloutTarget.make();
  });

  afterEach(() => target.dispose());

  const specOf = (places: Partial<ReviewSpec["review"]> = {}, change: Partial<ReviewSpec["change"]> = {}) => {
    const spec = target.spec();
    return review.spec.parse({
      ...spec,
      change: { ...spec.change, ...change },
      review: { code: [], ignore: [], ...places },
      release: "a".repeat(40),
    });
  };

  const blockersOf = async (spec: ReviewSpec) => (await review.observe(spec, target.deps())).blockers;

  async function findingsOf(spec: ReviewSpec): Promise<Finding[]> {
    await review.apply(spec, target.deps());
    return JSON.parse(String(target.artifacts.get("review.json"))).findings;
  }

  const has = (findings: Finding[], text: RegExp) =>
    ok(
      findings.some(({ subject, finding }) => text.test(`${subject}: ${finding}`)),
      `${text} in\n${findings.map(({ subject, finding }) => `${subject}: ${finding}`).join("\n")}`,
    );

  it("lets a sound target with the runbook's own migrations pass, and says what is better about it", async () => {
    const findings = await findingsOf(specOf({ migrations: MIGRATIONS }));
    equal(findings.filter(({ severity }) => severity === "stop").length, 0);
    has(findings, /004_add.*one transaction.*batches.*NOT VALID.*VALIDATE.*SET NOT NULL via helper/);
    has(findings, /table public\.deals: is written by .*rollout_test_app/);
    has(findings, /is referred to by foreign keys/);
    match(String(target.artifacts.get("review.txt")), /→ Have nobody run it by `flask db upgrade`/);
  });

  it("finds the reads of the sandbox's baseline release, file and line, and none of them stops", async () => {
    const folder = temporaryFolder("review");
    for (const [path, content] of releaseFiles("baseline")) {
      mkdirSync(join(folder, path, ".."), { recursive: true });
      writeFileSync(join(folder, path), content);
    }
    const findings = await findingsOf(specOf({ code: [folder], ignore: ["tests/**"] }));
    has(findings, /deal-type\.ts:12: names the old spelling "carve-out"/);
    has(findings, /deal-store\.ts:\d+: reads deals\.deal_type back by RETURNING/);
    const code = findings.filter(({ topic }) => topic === "code");
    equal(code.length, 3, "no other line is taken for one");
    equal(code.filter(({ severity }) => severity === "stop").length, 0);
  });

  it("stops on a second head, by name", async () => {
    const folder = temporaryFolder("review");
    writeRevision(folder, "003", "None");
    writeRevision(folder, "004", '"003"');
    equal((await blockersOf(specOf({ migrations: folder }))).length, 0);
    writeRevision(folder, "005", '"003"');
    const [blocker = ""] = await blockersOf(specOf({ migrations: folder }));
    match(blocker, /expected one head in .*, got 2: 004, 005\. Merge them/);
    await rejects(
      review.apply(specOf({ migrations: folder }), target.deps()),
      /nothing was changed.*\n.*one head/,
    );
    match(String(target.artifacts.get("review.txt")), /STOP/);
  });

  it("stops on somebody else's migration between the database's revision and ours", async () => {
    const folder = temporaryFolder("review");
    writeRevision(folder, "003", "None");
    writeRevision(folder, "foreign", '"003"');
    writeRevision(folder, "004", '"foreign"');
    const [blocker = ""] = await blockersOf(specOf({ migrations: folder }));
    match(blocker, /nothing between alembic_version 003 and 004, got foreign \(.*foreign_x\.py\)/);
    await target.admin.query("UPDATE alembic_version SET version_num = 'foreign'");
    equal((await blockersOf(specOf({ migrations: folder }))).length, 0);
  });

  it("stops where the file's mapping or CHECK is another than the configuration's", async () => {
    const folder = temporaryFolder("review");
    writeRevision(folder, "003", "None");
    const lines = [
      `    op.execute("UPDATE deals SET deal_type = 'divestiture' WHERE deal_type IS NULL")`,
      `    op.create_check_constraint("another", "deals", "deal_type IN ('acquisition')")`,
      `    op.add_column("deals", sa.Column("x", sa.Text()))`,
    ];
    writeRevision(folder, "004", '"003"', lines.join("\n"));
    const blockers = (await blockersOf(specOf({ migrations: folder }))).join("\n");
    match(blockers, /map NULL as change\.normalise does \("acquisition"\), got NULL → "divestiture"/);
    match(blockers, /allow acquisition, carveout, divestiture as change\.allowed does, got acquisition\./);
    match(blockers, /named valid_deal_type .* got another\./);
    match(blockers, /do no more than this change, got add_column on deals/);
  });

  it("stops on what the expand step would refuse, in its words", async () => {
    await target.admin.query(
      "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.updated_at := now(); RETURN NEW; END'; " +
        "CREATE TRIGGER touched BEFORE UPDATE ON deals FOR EACH ROW EXECUTE FUNCTION touch()",
    );
    const theirs = (await expand.observe(target.spec(), target.deps())).blockers;
    equal(theirs.length, 1);
    ok((await blockersOf(specOf())).includes(theirs[0] as string));
  });

  it("stops where a named place is not there", async () => {
    match(
      (await blockersOf(specOf({ code: ["/nowhere/{release}"] })))[0] ?? "",
      /a folder at \/nowhere\/a{40} of review\.code/,
    );
    match(
      (await blockersOf(specOf({ migrations: "/nowhere" })))[0] ?? "",
      /folder \/nowhere of review\.migrations/,
    );
  });

  it("names views, functions, partial indexes and materialised views that will notice", async () => {
    await target.admin.query(`
      CREATE VIEW untyped AS SELECT id FROM deals WHERE deal_type IS NULL;
      CREATE MATERIALIZED VIEW types AS SELECT deal_type, count(*) FROM deals GROUP BY 1;
      CREATE INDEX untyped_deals ON deals (id) WHERE deal_type IS NULL;
      CREATE FUNCTION carveouts() RETURNS bigint LANGUAGE sql AS $$SELECT count(*) FROM deals WHERE deal_type = 'carve-out'$$;
      CREATE POLICY typed ON deals USING (deal_type IS NOT NULL);`);
    const findings = await findingsOf(specOf());
    has(findings, /view public\.untyped: asks whether deals\.deal_type is NULL/);
    has(findings, /materialised view public\.types: holds deals\.deal_type as it was/);
    has(findings, /index public\.untyped_deals: asks whether/);
    has(findings, /function public\.carveouts: names the old spelling "carve-out"/);
    has(findings, /policy typed: asks whether/);
    has(findings, /has row security policies: typed \(not enabled\)/);
  });

  it("says that pg_stat_statements was not looked at where it is not installed, or not loaded", async () => {
    has(await findingsOf(specOf()), /pg_stat_statements: .*not installed/);
    await target.admin.query("CREATE EXTENSION pg_stat_statements");
    has(await findingsOf(specOf()), /pg_stat_statements: .*not loaded by the server/);
  });

  it("names publications, subscriptions, replication slots and event triggers", async () => {
    const slot = `review_${process.pid}`;
    await target.admin.query(`
      CREATE PUBLICATION everything FOR TABLE deals;
      CREATE FUNCTION seen() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
      CREATE EVENT TRIGGER watched ON ddl_command_end EXECUTE FUNCTION seen();
      CREATE SUBSCRIPTION ${slot} CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false);
      INSERT INTO pg_subscription_rel (srsubid, srrelid, srsubstate)
        SELECT oid, 'deals'::regclass, 'r' FROM pg_subscription WHERE subname = '${slot}'`);
    await target.admin.query("SELECT pg_create_physical_replication_slot($1)", [slot]);
    const findings = await findingsOf(specOf()).finally(() =>
      target.admin.query("SELECT pg_drop_replication_slot($1)", [slot]),
    );
    has(findings, /replicated by everything/);
    has(findings, /event triggers, which see our DDL: watched \(ddl_command_end\)/);
    has(findings, new RegExp(`is written by logical replication: ${slot} `));
    has(findings, new RegExp(`server has replication slots: ${slot} \\(physical, inactive\\)`));
  });

  it("names prepared transactions, old ones, and a wraparound that is near", async () => {
    const user = new pg.Client({ connectionString: target.url, application_name: "the long report" });
    await user.connect();
    await user.query("BEGIN; UPDATE notes SET id = id; PREPARE TRANSACTION 'forgotten'");
    await user.query("BEGIN; SELECT 1");
    // A clock that is ten minutes ahead and a table that is old, for this session alone: nobody has to wait.
    await target.admin.query(`CREATE SCHEMA ahead;
      CREATE FUNCTION ahead.clock_timestamp() RETURNS timestamptz LANGUAGE sql
        AS $$ SELECT pg_catalog.clock_timestamp() + interval '10 min' $$;
      CREATE FUNCTION ahead.age(xid) RETURNS int LANGUAGE sql AS 'SELECT 190000000';
      SET search_path = ahead, pg_catalog`);
    const findings = await surveyTarget(target.admin, CHANGE);
    await user.query("ROLLBACK");
    await user.query("ROLLBACK PREPARED 'forgotten'");
    await user.end();
    has(
      findings,
      /prepared transactions, which hold locks until somebody ends them: forgotten \(since \d{4}-/,
    );
    has(
      findings,
      /transactions that are open for long: .*the long report \(pid \d+\) \(60\d s, idle in transaction\)/,
    );
    has(
      findings,
      /autovacuum to prevent wraparound.*: age of .*deals \(190,000,000 transactions of 200,000,000\)/,
    );
  });

  it("names triggers and writing roles that stop nothing", async () => {
    await target.admin.query(trigger("NULL;", { when: "AFTER DELETE", name: "gone" }));
    has(await findingsOf(specOf()), /has triggers of its own: gone \(CREATE TRIGGER gone AFTER DELETE/);
  });

  it("is taken anew at a preview only for another spec than it was done with, and undoes nothing", async () => {
    const spec = specOf({ migrations: "/nowhere" });
    const key = `${spec.identity.phase}/${spec.identity.step}`;
    const blockersOfOneDoneWith = async (digest: string) => {
      const entries = () => new Map([[key, { state: "done", digest } as never]]);
      return (await review.observe(spec, target.deps({ evidence: { entries, records: () => [] } }))).blockers;
    };
    equal((await blockersOfOneDoneWith(hashOf(spec))).length, 0);
    equal((await blockersOfOneDoneWith("another")).length, 1);
    equal((await review.undo(spec, target.deps())).kept.length, 0);
  });
});
