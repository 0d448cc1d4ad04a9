import { equal, ok } from "node:assert/strict";
import pg from "pg";
import { type Cluster, startCluster } from "../../postgres/backup/cluster.ts";
import { searchDatabase } from "../../review/database-reads.ts";
import { CHANGE } from "../steps/rollout-target.ts";
import { temporaryFolder } from "../temporary-folder.ts";

describe("statements that ran", () => {
  let cluster: Cluster;
  let client: pg.Client;

  before(async () => {
    cluster = await startCluster({
      directory: temporaryFolder("statements"),
      settings: { shared_preload_libraries: "pg_stat_statements", fsync: "off" },
    });
    client = new pg.Client({ connectionString: cluster.url() });
    await client.connect();
    await client.query(`CREATE EXTENSION pg_stat_statements;
      CREATE TABLE deals (id bigint PRIMARY KEY, deal_type text); CREATE ROLE reader LOGIN; CREATE ROLE app;
      GRANT app TO reader; GRANT ALL ON deals TO app, reader`);
    await client.query("SET ROLE app");
    await client.query("SELECT id FROM deals WHERE deal_type IS NULL AND id > 41");
    await client.query("INSERT INTO deals VALUES (1, 'secret-value') RETURNING *");
    await client.query('SELECT count(*) FROM ONLY "public"."deals" WHERE "deal_type" IS NULL');
    await client.query("RESET ROLE");
  });

  after(async () => {
    await client?.end();
    await cluster?.stop();
  });

  const findings = async () =>
    (await searchDatabase(client, CHANGE)).map(({ subject, finding }) => `${subject}: ${finding}`);

  it("are searched for reads that will notice, our own left out, without the values that were given", async () => {
    const found = await findings();
    ok(
      found.some((line) => /^statement run 1 times: asks whether deals\.deal_type is NULL/.test(line)),
      found.join("\n"),
    );
    ok(
      found.some((line) => /reads deals\.deal_type back by RETURNING/.test(line)),
      found.join("\n"),
    );
    equal(found.length, 2, found.join("\n"));
    equal(found.join().includes("secret-value"), false);
  });

  it("are told to be hidden where the role may not read those of others", async () => {
    await client.query("SET ROLE reader");
    const found = await findings();
    await client.query("RESET ROLE");
    ok(
      found.some((line) => /pg_stat_statements: .*(hidden|may not read)/.test(line)),
      found.join("\n"),
    );
  });
});
