import assert from "node:assert/strict";
import type { Client } from "pg";
import { connect } from "../../postgres/connect.ts";
import { constraint } from "../../steps/constraint.ts";
import { expand } from "../../steps/expand.ts";
import type { ChangeStepSpec } from "../../steps/migration/change-spec.ts";
import { migration } from "../../steps/migration.ts";
import type { Step } from "../../steps/step.ts";
import { TOUCH } from "./app-trigger-fixture.ts";
import { RolloutTarget } from "./rollout-target.ts";

const STEPS: Step<ChangeStepSpec>[] = [expand, migration, constraint];

/** Every setting of a session that it has from its start: PL/pgSQL brings its own as it is loaded. */
async function readSettings(client: Client): Promise<Record<string, string>> {
  const { rows } = await client.query<{ name: string; setting: string }>(
    "SELECT name, setting FROM pg_catalog.pg_settings WHERE setting <> '' ORDER BY name",
  );
  return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
}

describe("the steps' sessions", () => {
  for (const appTriggers of ["bypass", "fire"] as const) {
    it(`are after each step as they were before it: every setting was for one transaction (${appTriggers})`, async () => {
      const target = await RolloutTarget.make({ ddl: TOUCH });
      let sessions = 0;
      const differences: unknown[] = [];
      const watched = async () => {
        const client = await connect(target.url);
        const before = await readSettings(client);
        const end = client.end.bind(client) as () => Promise<void>;
        client.end = (async () => {
          // Not asserted here: whoever ends a connection does not care what comes of it.
          const after = Object.entries(await readSettings(client));
          differences.push(...after.filter(([name, setting]) => name in before && before[name] !== setting));
          sessions += 1;
          await end();
        }) as typeof client.end;
        return client;
      };
      const spec = target.spec({}, { appTriggers });
      const deps = target.deps({ connect: watched });
      for (const step of STEPS) await target.apply(step, spec, deps);
      for (const step of STEPS.toReversed()) await target.undo(step, spec, deps);
      assert.deepEqual(differences, []);
      assert.ok(sessions >= 6, `${sessions} sessions`);
      await target.dispose();
    });
  }
});
