import assert from "node:assert/strict";
import pg from "pg";
import type { Cluster } from "../../postgres/backup/cluster.ts";
import { connect } from "../../postgres/connect.ts";
import { readServerFacts } from "../../postgres/preflight-facts.ts";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import { createDatabaseOn, testCluster } from "../database.ts";
import { otherServer } from "../other-server.ts";
import { contractSpec, TABLE_STEPS } from "./contract-fixture.ts";
import { RolloutTarget } from "./rollout-target.ts";

/** Ordinary settings of a role or a database, each of which ends a session or changes what a statement means. */
const HOSTILE: Record<string, string> = {
  statement_timeout: "20ms",
  lock_timeout: "1ms",
  idle_in_transaction_session_timeout: "1ms",
  idle_session_timeout: "1ms",
  client_connection_check_interval: "0",
  default_transaction_read_only: "on",
  default_transaction_isolation: "serializable",
  default_transaction_deferrable: "on",
  session_replication_role: "replica",
  search_path: "nowhere",
  row_security: "on",
  TimeZone: "Asia/Kathmandu",
  DateStyle: "SQL, DMY",
  IntervalStyle: "sql_standard",
  extra_float_digits: "-15",
  bytea_output: "escape",
  array_nulls: "off",
  lc_monetary: "C.UTF-8",
  xmloption: "document",
  standard_conforming_strings: "off",
  escape_string_warning: "off",
  quote_all_identifiers: "on",
  transform_null_equals: "on",
  check_function_bodies: "off",
  default_tablespace: "hostile",
  temp_tablespaces: "hostile",
  client_min_messages: "debug1",
  client_encoding: "SQL_ASCII",
  exit_on_error: "on",
  synchronous_commit: "off",
  jit: "on",
  jit_above_cost: "0",
  "plpgsql.variable_conflict": "use_variable",
  "plpgsql.extra_errors": "all",
  stats_fetch_consistency: "snapshot",
};

const SIDES = `ALTER TABLE deals ADD COLUMN price money DEFAULT 1234.5, ADD COLUMN taken interval DEFAULT '1 day -2 h',
  ADD COLUMN bytes bytea DEFAULT '\\xdeadbeef', ADD COLUMN share float8 DEFAULT 0.1, ADD COLUMN page xml DEFAULT 'a<b/>',
  ADD COLUMN tags text[] DEFAULT ARRAY[NULL, 'NULL', 'a\\b'];`;

describe("settings of a role or a database that are hostile to long work", function () {
  this.timeout(300_000);

  const journey = async (url: string, scope: "ROLE" | "DATABASE", extra: Record<string, string> = {}) => {
    const target = await RolloutTarget.make({ url, ddl: SIDES });
    const database = pg.escapeIdentifier(new URL(url).pathname.slice(1));
    const role = pg.escapeIdentifier(`hostile_${new URL(url).pathname.slice(1)}`);
    const { rows: known } = await target.admin.query<{ name: string }>("SELECT name FROM pg_settings");
    const names = new Set(known.map(({ name }) => name));
    await target.admin.query(
      `CREATE ROLE ${role} LOGIN SUPERUSER PASSWORD 'x'; ALTER TABLE deals OWNER TO ${role}`,
    );
    const before = await snapshotDatabase(target.admin);
    for (const [name, value] of Object.entries({ ...HOSTILE, ...extra })) {
      if (!name.includes(".") && !names.has(name)) continue;
      const what = scope === "ROLE" ? `ROLE ${role}` : `DATABASE ${database}`;
      const list = ["search_path", "temp_tablespaces", "DateStyle"].includes(name);
      await target.admin.query(
        `ALTER ${what} SET ${name} = ${
          list
            ? value
                .split(", ")
                .map((part) => `'${part}'`)
                .join(", ")
            : `'${value}'`
        }`,
      );
    }
    const own = new URL(url);
    [own.username, own.password] = [JSON.parse(role), "x"];
    target.stepUrl = own.href;
    for (const step of TABLE_STEPS) await target.apply(step, contractSpec(target));
    assert.equal(Object.values(await target.values()).filter((value) => value === null).length, 0);
    for (const step of TABLE_STEPS.toReversed()) await target.undo(step, contractSpec(target));
    assert.deepEqual(await snapshotDatabase(target.admin), before);
    return target;
  };

  for (const scope of ["ROLE", "DATABASE"] as const)
    it(`do not stop the steps, forward and back, when set on the ${scope.toLowerCase()}`, async () => {
      const url = await createDatabaseOn(await testCluster(), "hostile");
      await (await journey(url, scope)).dispose();
    });

  it("are still told where they close a database to writes on purpose, before phase 1", async () => {
    const url = await createDatabaseOn(await testCluster(), "hostile");
    const admin = new pg.Client({ connectionString: url });
    await admin.connect();
    const readOnly = async () => {
      const client = await connect(url);
      const facts = await readServerFacts(client).finally(() => client.end());
      return facts.readOnly;
    };
    assert.equal(await readOnly(), false);
    await admin.query(`ALTER DATABASE ${admin.database} SET default_transaction_read_only = on`);
    await admin.end();
    assert.equal(await readOnly(), true);
  });

  it("that switch triggers off are refused by name where the role may not set them back", async () => {
    const url = new URL(await createDatabaseOn(await testCluster(), "hostile"));
    const admin = new pg.Client({ connectionString: url.href });
    await admin.connect();
    const role = `plain_${admin.database}`;
    await admin.query(
      `CREATE ROLE ${role} LOGIN PASSWORD 'x'; ALTER DATABASE ${admin.database} SET session_replication_role = replica`,
    );
    await admin.end();
    [url.username, url.password] = [role, "x"];
    await assert.rejects(
      connect(url.href),
      /got session_replication_role other than origin set on the role or the database, and no right to set it back\. As a superuser: ALTER ROLE … RESET/,
    );
  });

  it("do not stop them on the newest server, a limit on transactions included", async function () {
    const cluster: Cluster = await otherServer(this, 18);
    const target = await journey(await createDatabaseOn(cluster), "DATABASE", {
      transaction_timeout: "40ms",
    });
    await target.dispose();
    await cluster.stop();
  });
});
