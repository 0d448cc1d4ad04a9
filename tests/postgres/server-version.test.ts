import assert from "node:assert/strict";
import { connect } from "../../postgres/connect.ts";
import { createDatabaseOn } from "../database.ts";
import { otherServer } from "../other-server.ts";

describe("the server's version", () => {
  it("is asked first: 13 is refused in one sentence that says which is supported", async function () {
    const cluster = await otherServer(this, 13);
    const error = await connect(cluster.url()).then(
      () => assert.fail("connected"),
      (thrown: Error) => thrown,
    );
    await cluster.stop();
    assert.equal(error.name, "StepError");
    assert.match(
      error.message,
      /^postgres: expected a connection to 127\.0\.0\.1:\d+, database postgres, got PostgreSQL 13\.23, and 14 is the oldest that is supported\. Upgrade the server first\.$/,
    );
  });

  for (const major of [14, 18])
    it(`${major} is taken, with the settings that it knows`, async function () {
      const cluster = await otherServer(this, major);
      const client = await connect(await createDatabaseOn(cluster));
      const { rows } = await client.query(
        "SELECT name, setting FROM pg_settings WHERE name IN ('client_connection_check_interval', 'transaction_timeout') ORDER BY 1",
      );
      await client.end();
      await cluster.stop();
      const interval = { name: "client_connection_check_interval", setting: "2000" };
      assert.deepEqual(
        rows,
        major < 17 ? [interval] : [interval, { name: "transaction_timeout", setting: "0" }],
      );
    });
});
