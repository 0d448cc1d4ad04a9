import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { StepError } from "../../errors/step-error.ts";
import { constraint } from "../../steps/constraint.ts";
import { expand } from "../../steps/expand.ts";
import type { MigrationSpec } from "../../steps/migration/migration-plan.ts";
import { migration } from "../../steps/migration.ts";
import { RIGHT_UPGRADE, StoppedTarget } from "./stopped-target.ts";

/** Where the process is killed: how the step comes to wait there, and how the test knows that it has. */
interface Moment {
  what: string;
  spec(stopped: StoppedTarget): MigrationSpec;
  reached(stopped: StoppedTarget): Promise<void>;
}

const upgrade = (stopped: StoppedTarget, around: { before?: string; after?: string }) =>
  stopped.spec({ upgrade: stopped.upgrade(RIGHT_UPGRADE, around) });
const mark = (stopped: StoppedTarget) => `touch "${stopped.unit.folder}/here"; sleep 60;`;

const MOMENTS: Moment[] = [
  {
    what: "before the writers are stopped",
    spec: (stopped) => {
      stopped.unit.want("hang-before-stop");
      return stopped.spec();
    },
    reached: (stopped) => stopped.unit.untilAsked("stop flag up"),
  },
  {
    what: "while it waits for the lock with the writers stopped",
    spec: (stopped) => stopped.spec(),
    reached: (stopped) => stopped.untilLogged(/waiting for ACCESS EXCLUSIVE/),
  },
  {
    what: "after the commit, before the writers are started",
    spec: (stopped) => {
      stopped.unit.want("hang-before-start");
      return stopped.spec();
    },
    reached: (stopped) => stopped.unit.untilAsked("start flag up"),
  },
  {
    what: "before the application's own command has done anything",
    spec: (stopped) => upgrade(stopped, { before: mark(stopped) }),
    reached: (stopped) => stopped.unit.until("here"),
  },
  {
    what: "in the middle of the application's own command, whose transaction is open",
    spec: (stopped) => stopped.spec({ upgrade: stopped.upgrade(`${RIGHT_UPGRADE} SELECT pg_sleep(60);`) }),
    reached: (stopped) => stopped.untilRuns("%pg_sleep(60)%"),
  },
  {
    what: "after the application's own command, before it was compared",
    spec: (stopped) => upgrade(stopped, { after: `; ${mark(stopped)}` }),
    reached: (stopped) => stopped.unit.until("here"),
  },
];

describe("a maintenance that is killed with SIGKILL", function () {
  this.timeout(180_000);
  let stopped: StoppedTarget;
  let child: ChildProcess | undefined;
  beforeEach(async () => {
    stopped = await StoppedTarget.make();
  });
  afterEach(async () => {
    child?.kill("SIGKILL");
    await stopped.dispose();
  });

  async function killAt({ what, spec: specOf, reached }: Moment): Promise<MigrationSpec> {
    const spec = specOf(stopped);
    await stopped.target.apply(expand, stopped.target.spec({}, { strategy: "maintenance" }));
    const blocking = what.includes("lock");
    if (blocking) await stopped.target.admin.query("BEGIN; LOCK TABLE deals IN ACCESS SHARE MODE");
    const script = new URL("migration-process.ts", import.meta.url).pathname;
    const argument = JSON.stringify({ url: target().stepUrl, spec });
    child = spawn(process.execPath, ["--import", "tsx", script, argument], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    child.stderr?.on("data", (text) => stopped.logged.push(String(text)));
    await reached(stopped);
    child.kill("SIGKILL");
    await once(child, "exit");
    if (blocking) await stopped.target.admin.query("ROLLBACK");
    for (const name of ["hang-before-stop", "hang-before-start"]) await stopped.unit.forget(name);
    return spec;
  }
  const target = () => stopped.target;

  /** The lease of the killed run is free as soon as the server has noticed. */
  async function next<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof StepError && /another run holds the lease/.test(error.message))) throw error;
        await sleep(50);
      }
    }
  }

  for (const moment of MOMENTS) {
    it(`${moment.what} is said, finished by the next run, and taken back exactly after it`, async () => {
      const start = await stopped.snapshot();
      await stopped.forward(target().spec());
      const end = await stopped.snapshot();
      await stopped.back(target().spec());
      await killAt(moment);
      const { drift, plan } = await migration.observe(stopped.spec(), target().deps());
      assert.match(drift[0]?.observed ?? "", /^stopped since .* by a run that did not end$/);
      assert.match(plan.join("\n"), /starts (them|the writers) again/);
      const again = {
        ...stopped.spec(),
        maintenance: stopped.spec({ upgrade: stopped.upgrade(RIGHT_UPGRADE) }).maintenance,
      };
      await next(() =>
        stopped.target.apply(migration, moment.what.includes("command") ? again : stopped.spec()),
      );
      await target().apply(constraint, target().spec());
      assert.deepEqual(await stopped.snapshot(), end);
      assert.deepEqual([await stopped.writerRuns(), stopped.unit.has("flag")], [true, false]);
      await stopped.back();
      assert.deepEqual(await stopped.snapshot(), start);
    });

    it(`${moment.what} is taken back to the start by the undo, which starts the writers`, async () => {
      const start = await stopped.snapshot();
      const spec = await killAt(moment);
      const { kept } = await next(() => target().undo(migration, spec));
      assert.deepEqual(kept, []);
      assert.deepEqual([await stopped.writerRuns(), stopped.unit.has("flag")], [true, false]);
      await target().undo(expand, target().spec());
      assert.deepEqual(await stopped.snapshot(), start);
    });
  }

  it("refuses the writes of writers that somebody starts by hand while the command's work is unjudged", async () => {
    const [before] = MOMENTS.slice(-1) as [Moment];
    const spec = await killAt(before);
    await assert.rejects(
      target().admin.query("UPDATE deals SET deal_type = 'carveout' WHERE id = 8"),
      /closed for maintenance/,
    );
    await next(() => target().undo(migration, spec));
    await target().admin.query("UPDATE deals SET deal_type = 'carveout' WHERE id = 8");
  });
});
