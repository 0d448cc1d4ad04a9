import assert from "node:assert/strict";
import pg from "pg";
import { TEST_SERVERS } from "../../bin/test-servers.mjs";
import { createDatabaseOn } from "../database.ts";
import { otherServer } from "../other-server.ts";

describe("other PostgreSQL servers for tests", () => {
  for (const [major, version] of Object.entries(TEST_SERVERS))
    it(`has PostgreSQL ${major}, with settings of the test's own`, async function () {
      const cluster = await otherServer(this, Number(major), { work_mem: "5MB" });
      const client = new pg.Client({ connectionString: await createDatabaseOn(cluster) });
      await client.connect();
      const { rows } = await client.query<{ version: string; memory: string }>(
        "SELECT current_setting('server_version') AS version, current_setting('work_mem') AS memory",
      );
      await client.end();
      await cluster.stop();
      assert.deepEqual(rows, [{ version: version.replace(/\.0-.*/, ""), memory: "5MB" }]);
    });
});
