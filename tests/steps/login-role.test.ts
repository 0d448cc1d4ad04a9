import assert from "node:assert/strict";
import pg from "pg";
import { connect } from "../../postgres/connect.ts";
import { acquireLease } from "../../postgres/lease.ts";
import { readWritingRoles } from "../../postgres/migration/write-probe.ts";
import { readWriterSessions } from "../../postgres/migration/writer-sessions.ts";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import { inTransaction } from "../../postgres/transaction.ts";
import { createDatabaseOn, testCluster } from "../database.ts";
import { otherServer } from "../other-server.ts";
import { contractSpec, TABLE_STEPS } from "./contract-fixture.ts";
import { CHANGE, RolloutTarget } from "./rollout-target.ts";

describe("a login role that works as another role", () => {
  const made: { target: RolloutTarget; roles: string[] }[] = [];
  /** `deploy` logs in, and is `owner` from the first statement on. */
  const makeTarget = async (url: string, login = "NOINHERIT") => {
    const target = await RolloutTarget.make({ url });
    const name = new URL(url).pathname.slice(1);
    const [owner, deploy] = [`owner_${name}`, `deploy_${name}`];
    await target.admin.query(
      `CREATE ROLE ${owner} CREATEROLE; CREATE ROLE ${deploy} LOGIN ${login} PASSWORD 'x' IN ROLE ${owner};
       ALTER ROLE ${deploy} SET role = ${owner}; GRANT CREATE ON DATABASE ${name} TO ${owner};
       ALTER TABLE deals OWNER TO ${owner}; ALTER TABLE notes OWNER TO ${owner}; ALTER TABLE alembic_version OWNER TO ${owner}`,
    );
    const own = new URL(url);
    [own.username, own.password] = [deploy, "x"];
    target.stepUrl = own.href;
    made.push({ target, roles: [deploy, owner] });
    return { target, owner, deploy };
  };
  afterEach(async () => {
    for (const { target, roles } of made.splice(0)) {
      for (const role of roles) await target.admin.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`);
      await target.dispose();
    }
  });

  const journey = async (target: RolloutTarget) => {
    const before = await snapshotDatabase(target.admin);
    for (const step of TABLE_STEPS) {
      assert.deepEqual((await step.observe(contractSpec(target), target.deps())).blockers, []);
      await target.apply(step, contractSpec(target));
    }
    for (const step of TABLE_STEPS.toReversed()) await target.undo(step, contractSpec(target));
    assert.deepEqual(await snapshotDatabase(target.admin), before);
  };

  for (const login of ["NOINHERIT", "INHERIT"])
    it(`does and undoes every step (${login})`, async () => {
      await journey((await makeTarget(await createDatabaseOn(await testCluster(), "login"), login)).target);
    });

  it("does and undoes every step on the newest server, where to become a role is a right of its own", async function () {
    const cluster = await otherServer(this, 18);
    await journey((await makeTarget(await createDatabaseOn(cluster, "login"))).target);
  });

  it("keeps the lease from a second run, and gives it up when its session is gone", async () => {
    const { target } = await makeTarget(await createDatabaseOn(await testCluster(), "login"));
    const acquire = (holder: string) =>
      acquireLease(() => connect(target.stepUrl), { holder, log: (line) => target.logged.push(line) });
    const first = await acquire("run one");
    await assert.rejects(acquire("run two"), /another run holds the lease: run one/);
    const { rows } = await target.admin.query("SELECT pid FROM rollout.lease");
    await target.admin.query("SELECT pg_terminate_backend($1, 5000)", [rows[0].pid]);
    const second = await acquire("run two");
    assert.ok(second.token > first.token);
    assert.match(target.logged.join(), /run one is gone/);
    await second.release();
  });

  it("counts none of its own sessions as a writer, and each of the application's", async () => {
    const { target, deploy } = await makeTarget(await createDatabaseOn(await testCluster(), "login"));
    const client = await connect(target.stepUrl);
    const beside = await connect(target.stepUrl);
    const theirs = new pg.Client({ connectionString: target.stepUrl, application_name: "gunicorn" });
    await theirs.connect();
    const shown = (await readWriterSessions(client, CHANGE)).map(({ role, application }) => ({
      role,
      application,
    }));
    const within = await inTransaction(client, {}, () => readWriterSessions(client, CHANGE));
    for (const each of [client, beside, theirs]) await each.end();
    assert.deepEqual(shown, [{ role: deploy, application: "gunicorn" }]);
    assert.equal(within.length, 1);
  });

  it("tries writes as the roles that the login role may become", async () => {
    const { target, owner, deploy } = await makeTarget(await createDatabaseOn(await testCluster(), "login"));
    const client = await connect(target.stepUrl);
    const asked = async () =>
      Object.fromEntries((await readWritingRoles(client, CHANGE)).map((r) => [r.name, r.canSetRole]));
    // A member of the owner's, and no role that the login role may become: SET ROLE asks the login role's rights.
    assert.equal((await asked()).rollout_test_app, false);
    await target.admin.query(`GRANT rollout_test_app TO ${deploy}`);
    assert.equal((await asked()).rollout_test_app, true);
    await client.query("BEGIN; SET LOCAL ROLE rollout_test_app; ROLLBACK");
    await client.end();
    assert.ok(owner);
  });
});
