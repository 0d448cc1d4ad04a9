import assert from "node:assert/strict";
import { type Cluster, startCluster } from "../../postgres/backup/cluster.ts";
import { connect } from "../../postgres/connect.ts";
import { snapshotDatabase } from "../../postgres/schema-snapshot.ts";
import { constraint } from "../../steps/constraint.ts";
import { expand } from "../../steps/expand.ts";
import type { ChangeStepSpec } from "../../steps/migration/change-spec.ts";
import { migration } from "../../steps/migration.ts";
import type { Step } from "../../steps/step.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { RolloutTarget } from "./rollout-target.ts";

const STEPS: Step<ChangeStepSpec>[] = [expand, migration, constraint];

describe("a server that goes down and comes up in mid-backfill", function () {
  this.timeout(90_000);
  let cluster: Cluster;
  let target: RolloutTarget;
  const directory = temporaryFolder("restart");
  before(async () => {
    cluster = await startCluster({ directory });
  });
  after(async () => {
    await target?.dispose();
    await cluster?.stop();
  });

  it("ends the step with its reason; the next run finishes it, or it is taken back exactly", async () => {
    target = await RolloutTarget.make({ rows: 1000, url: cluster.url() });
    const start = await snapshotDatabase(target.admin);
    for (const ending of ["finish", "undo"] as const) {
      await target.apply(expand, target.spec());
      let commits = 0;
      const fragile = async () => {
        const client = await connect(target.url);
        const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
        client.query = (async (...args: unknown[]) => {
          const result = await query(...args);
          commits += args[0] === "COMMIT" ? 1 : 0;
          if (commits === 30) await cluster.stop();
          return result;
        }) as typeof client.query;
        return client;
      };
      await assert.rejects(
        target.apply(migration, target.spec(), target.deps({ connect: fragile })),
        /terminat|shutting down|Connection/i,
      );
      cluster = await startCluster({ directory, port: cluster.port });
      await target.reconnect();
      const { rows } = await target.admin.query("SELECT count(*)::int AS batches FROM rollout.journal");
      assert.ok(rows[0].batches > 0, "some batches were committed");
      if (ending === "finish") for (const step of STEPS) await target.apply(step, target.spec());
      for (const step of STEPS.toReversed()) await target.undo(step, target.spec());
      assert.deepEqual(await snapshotDatabase(target.admin), start);
    }
  });
});
