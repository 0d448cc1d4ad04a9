import assert from "node:assert/strict";
import pg from "pg";
import type { LeftThing } from "../../ledger/left.ts";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import { contract } from "../../steps/contract.ts";
import { expand } from "../../steps/expand.ts";
import { migration } from "../../steps/migration.ts";
import type { UndoResult } from "../../steps/step.ts";
import { contractSpec, TABLE_STEPS } from "./contract-fixture.ts";
import { RolloutTarget } from "./rollout-target.ts";

/** DDL of this kind is refused to everybody, a superuser as well. */
const forbid = (name: string, tag: string) => `
  CREATE FUNCTION public.${name}() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'frozen'; END $$;
  CREATE EVENT TRIGGER ${name} ON ddl_command_start WHEN TAG IN ('${tag}') EXECUTE FUNCTION public.${name}()`;
const allow = (name: string) => `DROP EVENT TRIGGER ${name}; DROP FUNCTION public.${name}()`;

interface Obstacle {
  what: string;
  set: string;
  mend: string;
  left: [subject: string, code: string, reason: RegExp][];
  /** Also told to a person: how it is mended. */
  remedy?: RegExp;
  appTriggers?: "bypass";
  /** How many of the steps were done; all by default. */
  steps?: number;
}

const ORIGINALS = "the original values of deals.deal_type";

const OBSTACLES: Obstacle[] = [
  {
    what: "ALTER TABLE is refused before contract is done, so that constraint and normaliser stay on",
    set: forbid("frozen", "ALTER TABLE"),
    mend: allow("frozen"),
    steps: 3,
    left: [
      ["CHECK valid_deal_type on deals", "P0001", /^function (public\.)?\w+ refuses it$/],
      ["NOT NULL of deals.deal_type", "P0001", /^function (public\.)?\w+ refuses it$/],
      [ORIGINALS, "P0001", /^function (public\.)?\w+ refuses it$/],
    ],
  },
  {
    what: "ALTER TABLE is refused, so that constraint and normaliser stay on",
    set: forbid("frozen", "ALTER TABLE"),
    mend: allow("frozen"),
    left: [
      ["CHECK valid_deal_type on deals", "P0001", /^function (public\.)?\w+ refuses it$/],
      ["NOT NULL of deals.deal_type", "P0001", /^function (public\.)?\w+ refuses it$/],
      // Nobody is left to see the normaliser: contract's undo could not put it back. The constraint refuses the rest.
      ["2 rows of deals.deal_type", "23502", /^NOT NULL of deal_type refuses it$/],
      ["8 rows of deals.deal_type", "23514", /^CHECK valid_deal_type refuses it$/],
    ],
  },
  {
    what: "the table is called otherwise",
    set: "ALTER TABLE deals RENAME TO contracts",
    mend: "ALTER TABLE contracts RENAME TO deals",
    left: [
      [ORIGINALS, "42P01", /^table deals is called public\.contracts now; 10 rows were not given back$/],
    ],
    remedy: /^Rename it back: ALTER TABLE public\.contracts RENAME TO "deals"\.$/,
  },
  {
    what: "the table is in another schema",
    set: "CREATE SCHEMA later; ALTER TABLE deals SET SCHEMA later",
    mend: "ALTER TABLE later.deals SET SCHEMA public; DROP SCHEMA later",
    left: [[ORIGINALS, "42P01", /^table deals is called later\.deals now; 10 rows/]],
    remedy: /ALTER TABLE later\.deals SET SCHEMA "public"\.$/,
  },
  {
    what: "the column is called otherwise",
    set: "ALTER TABLE deals RENAME deal_type TO kind",
    mend: "ALTER TABLE deals RENAME kind TO deal_type",
    left: [[ORIGINALS, "42703", /^column deal_type of deals is called kind now; 10 rows/]],
    remedy: /RENAME COLUMN kind TO "deal_type"\.$/,
  },
  {
    what: "the key is called otherwise",
    set: "ALTER TABLE deals RENAME id TO number",
    mend: "ALTER TABLE deals RENAME number TO id",
    left: [[ORIGINALS, "42703", /^column id of deals is called number now/]],
  },
  {
    what: "the revision may not be written any more",
    set: `CREATE FUNCTION public.keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
      CREATE TRIGGER keep BEFORE DELETE ON alembic_version EXECUTE FUNCTION public.keep()`,
    mend: "DROP FUNCTION public.keep CASCADE",
    left: [["the revision in alembic_version", "P0001", /^function (public\.)?\w+ refuses it$/]],
  },
  {
    what: "triggers are to be bypassed, and the right to do so is gone",
    set: "REVOKE SET ON PARAMETER session_replication_role FROM %ROLE",
    mend: "GRANT SET ON PARAMETER session_replication_role TO %ROLE",
    appTriggers: "bypass",
    left: [
      [ORIGINALS, "42501", /^role .* may not set session_replication_role .*; 10 rows were not given back$/],
    ],
    remedy: /GRANT SET ON PARAMETER session_replication_role TO/,
  },
  {
    what: "the owner may not update its table any more",
    set: "REVOKE UPDATE ON deals FROM %ROLE",
    mend: "GRANT UPDATE ON deals TO %ROLE",
    left: [["10 rows of deals.deal_type", "42501", /^the migrator has no right to it/]],
  },
  {
    what: "the owner may update other columns only",
    set: "REVOKE UPDATE ON deals FROM %ROLE; GRANT UPDATE (budget) ON deals TO %ROLE",
    mend: "REVOKE UPDATE (budget) ON deals FROM %ROLE; GRANT UPDATE ON deals TO %ROLE",
    left: [["10 rows of deals.deal_type", "42501", /^the migrator has no right to it/]],
  },
  {
    what: "a policy hides rows, and another refuses one",
    set: `CREATE POLICY seen ON deals USING (id <> 3); CREATE POLICY most ON deals AS RESTRICTIVE FOR UPDATE USING (true)
      WITH CHECK (id <> 9); ALTER TABLE deals ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`,
    mend: `ALTER TABLE deals DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY; DROP POLICY seen ON deals; DROP POLICY most ON deals`,
    left: [
      ["1 row of deals.deal_type", "42501", /policy refuses it$/],
      ["1 row of deals.deal_type", "RO002", /^the update was let pass without an effect/],
    ],
  },
  {
    what: "the triggers of the rollout may not be dropped",
    set: forbid("standing", "DROP TRIGGER"),
    mend: allow("standing"),
    left: [["triggers of the rollout on deals", "P0001", /^function (public\.)?\w+ refuses it$/]],
  },
];

describe("objects that the server refuses to put back", function () {
  this.timeout(120_000);
  let target: RolloutTarget;
  let role = "";
  beforeEach(async () => {
    target = await RolloutTarget.make({ rows: 16 });
    const database = new URL(target.url).pathname.slice(1);
    role = `migrator_${database}`;
    await target.admin.query(
      `CREATE ROLE ${role} LOGIN CREATEROLE PASSWORD 'x'; GRANT CREATE ON DATABASE ${database} TO ${role};
       GRANT SET ON PARAMETER session_replication_role TO ${role}; GRANT CREATE, USAGE ON SCHEMA public TO ${role};
       ALTER TABLE deals OWNER TO ${role}; ALTER TABLE notes OWNER TO ${role}; ALTER TABLE alembic_version OWNER TO ${role}`,
    );
    const url = new URL(target.url);
    [url.username, url.password] = [role, "x"];
    target.stepUrl = url.href;
  });
  afterEach(async () => {
    await target.admin.query(
      `REVOKE ALL ON PARAMETER session_replication_role FROM ${role}; DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`,
    );
    await target.dispose();
  });

  const forward = async (spec = contractSpec(target), steps = TABLE_STEPS) => {
    for (const step of steps) await target.apply(step, spec);
  };
  const back = async (spec = contractSpec(target)): Promise<UndoResult> => {
    const said = [];
    for (const step of TABLE_STEPS.toReversed()) said.push(await target.undo(step, spec));
    return said.at(-1) as UndoResult;
  };
  const short = (left: LeftThing[] = []) => left.map(({ subject, code }) => `${subject}: ${code}`).sort();

  for (const { what, set, mend, left, remedy, appTriggers, steps } of OBSTACLES) {
    it(`are left and named while the rest goes back, and go back once mended: ${what}`, async () => {
      const spec = contractSpec(target, appTriggers ? { appTriggers } : {});
      const before = await snapshotDatabase(target.admin);
      await forward(spec, TABLE_STEPS.slice(0, steps));
      await target.admin.query(set.replaceAll("%ROLE", role));
      const undone = await back(spec);
      assert.deepEqual(short(undone.left), left.map(([subject, code]) => `${subject}: ${code}`).sort());
      for (const [subject, code, reason] of left) {
        const thing = undone.left?.find((each) => each.subject === subject && each.code === code);
        assert.match(thing?.reason ?? "", reason);
        if (remedy) assert.match(thing?.remedy ?? "", remedy);
      }
      await target.admin.query(mend.replaceAll("%ROLE", role));
      assert.deepEqual((await target.undo(expand, spec)).left, []);
      assert.deepEqual(await snapshotDatabase(target.admin), before);
    });
  }

  it("say so when table or column are gone for good, and hold nothing else up", async () => {
    await forward(contractSpec(target), TABLE_STEPS.slice(0, 3));
    await target.admin.query("DROP TABLE deals CASCADE");
    const { left = [] } = await back();
    assert.deepEqual(
      left.map(({ subject, reason, remedy }) => [subject, reason, remedy]),
      [
        [
          ORIGINALS,
          "there is no table deals; 10 rows were not given back",
          "Bring it back under its name, or accept that it is gone.",
        ],
      ],
    );
    assert.deepEqual((await target.admin.query("SELECT version_num FROM alembic_version")).rows, [
      { version_num: "003" },
    ]);
  });

  it("leave nothing where nothing was changed yet: a table that is gone after expand is no one's concern", async () => {
    await forward(contractSpec(target), TABLE_STEPS.slice(0, 1));
    await target.admin.query("DROP TABLE deals CASCADE");
    assert.deepEqual((await back()).left, []);
    const { rows } = await target.admin.query("SELECT to_regnamespace('rollout') AS schema");
    assert.deepEqual(rows, [{ schema: null }]);
  });

  it("are a normaliser that cannot be made again: contract's undo ends, and a further one puts it back", async () => {
    await forward();
    const normaliser = async () =>
      (await target.admin.query("SELECT tgname FROM pg_trigger WHERE tgname = '~rollout_normalise'"))
        .rowCount;
    await target.admin.query(forbid("no_triggers", "CREATE TRIGGER"));
    const undone = await target.undo(contract, contractSpec(target));
    assert.deepEqual(
      undone.left?.map(({ step, subject, code }) => [step, subject, code]),
      [["contract", "the normaliser on deals, without which old-style writes are refused", "P0001"]],
    );
    assert.equal(await normaliser(), 0);
    await target.admin.query(allow("no_triggers"));
    assert.deepEqual((await target.undo(contract, contractSpec(target))).left, []);
    assert.equal(await normaliser(), 1);
  });

  it("are no concern any more once all of phase 1 is undone, or contract is done again", async () => {
    const before = await snapshotDatabase(target.admin);
    await forward();
    await target.admin.query(forbid("no_triggers", "CREATE TRIGGER"));
    await target.undo(contract, contractSpec(target));
    await target.apply(contract, contractSpec(target));
    const { rows } = await target.admin.query("SELECT subject FROM rollout.refused");
    assert.deepEqual(rows, []);
    assert.deepEqual((await back()).left, []);
    await target.admin.query(allow("no_triggers"));
    assert.deepEqual(await snapshotDatabase(target.admin), before);
  });

  it("name the role of the journal where somebody gave it rights since, and hold nothing else up", async () => {
    await forward();
    const { rows } = await target.admin.query("SELECT owner_role FROM rollout.change");
    const owner = rows[0].owner_role;
    await target.admin.query(`GRANT SELECT ON notes TO ${owner}`);
    const undone = await back();
    assert.deepEqual(undone.left, []);
    assert.deepEqual(undone.kept, [
      { subject: `role ${owner}`, reason: "stays: something else depends on it" },
    ]);
    await target.admin.query(`DROP OWNED BY ${owner}; DROP ROLE ${owner}`);
  });
});

describe("rows that somebody else holds while they are to go back", function () {
  this.timeout(60_000);
  let target: RolloutTarget;
  let holder: pg.Client;
  beforeEach(async () => {
    target = await RolloutTarget.make({ rows: 16 });
    holder = new pg.Client({ connectionString: target.url, application_name: "psql" });
    await holder.connect();
    for (const step of TABLE_STEPS.slice(0, 2)) await target.apply(step, contractSpec(target));
    await holder.query("BEGIN; SELECT FROM deals WHERE id = 2 FOR UPDATE");
  });
  afterEach(async () => {
    await holder.end();
    await target.dispose();
  });

  it("are left after a bounded time, all others being back, and go back later", async () => {
    const spec = contractSpec(target, { lockTimeoutMs: 2 });
    const { left, restored } = await target.undo(migration, spec);
    assert.deepEqual(
      left?.map(({ code, keys, reason }) => [code, keys, reason]),
      [["55P03", ["2"], "another session held it locked all the time"]],
    );
    assert.equal(restored, 9);
    assert.match(target.logged.join("\n"), /waiting for rows that another session holds; .*psql \(pid \d+/);
    await holder.query("ROLLBACK");
    assert.deepEqual((await target.undo(expand, spec)).left, []);
    assert.equal((await target.values())["deal 2"], "Carve-Out ");
  });

  it("go back in the same undo when they are let go", async () => {
    const undone = target.undo(migration, contractSpec(target));
    setTimeout(() => void holder.query("ROLLBACK"), 2_000);
    assert.deepEqual((await undone).left, []);
    assert.equal((await target.values())["deal 2"], "Carve-Out ");
  });
});
