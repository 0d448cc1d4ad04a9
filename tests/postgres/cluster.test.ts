import assert from "node:assert/strict";
import pg from "pg";
import { createDatabase } from "../database.ts";

describe("cluster", () => {
  it("starts a private server on loopback whose databases are reachable by their connection string", async () => {
    const client = new pg.Client({ connectionString: await createDatabase() });
    await client.connect();
    const { rows } = await client.query<{ host: string }>("SELECT host(inet_server_addr()) AS host");
    await client.end();
    assert.deepEqual(rows, [{ host: "127.0.0.1" }]);
  });
});
