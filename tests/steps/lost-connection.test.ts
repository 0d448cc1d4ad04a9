import assert from "node:assert/strict";
import { StepError } from "../../errors/step-error.ts";
import { connect } from "../../postgres/connect.ts";
import { explainLostConnection } from "../../steps/lost-connection.ts";
import { createDatabase } from "../database.ts";
import { baseSpec } from "./preflight-deps.ts";

const spec = baseSpec("contract");

describe("a connection that the database ends", () => {
  it("is told with what to do, in the statement under way and in the next one", async () => {
    const url = await createDatabase();
    const [client, other] = [await connect(url), await connect(url)];
    client.on("error", () => undefined);
    try {
      const { rows } = await client.query("SELECT pg_backend_pid() AS pid");
      const waiting = client.query("SELECT pg_sleep(60)").catch((error: unknown) => error);
      await other.query("SELECT pg_terminate_backend($1)", [rows[0].pid]);
      const next = client.query("SELECT 1").catch((error: unknown) => error);
      for (const error of [await waiting, await next]) {
        const explained = explainLostConnection(error, spec) as Error;
        assert.match(
          explained.message,
          /^contract: expected the database to keep the connection, got: .*npx rollout up/,
        );
        assert.ok(explained instanceof StepError);
      }
    } finally {
      await other.end();
      await client.end().catch(() => undefined);
    }
  });

  it("is no other fault of a statement, and no reason that is told already", async () => {
    const client = await connect(await createDatabase());
    const missing = await client.query("SELECT * FROM nowhere").catch((error: unknown) => error);
    await client.end();
    for (const error of [missing, new StepError("Connection terminated by whom?"), "text"])
      assert.equal(explainLostConnection(error, spec), error);
  });
});
