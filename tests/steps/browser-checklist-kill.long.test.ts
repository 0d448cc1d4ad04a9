import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { browserChecklist } from "../../steps/browser-checklist.ts";
import { inBrowser, onlyPoints, specOf } from "../browser/browser-fixture.ts";
import { FIXTURE_TABLES, FixtureApp } from "../browser/fixture-app.ts";
import { createDatabase } from "../database.ts";
import { environmentToBeKilled } from "../temporary-folder.ts";
import { makeDeps, runSql } from "./preflight-deps.ts";

const PROCESS = fileURLToPath(new URL("browser-checklist-process.ts", import.meta.url));

/** Every running process → its parent; a zombie runs no more. */
function parents(): Map<number, number> {
  const found = new Map<number, number>();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const [state, parent] = readFileSync(`/proc/${name}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
      if (state !== "Z") found.set(Number(name), Number(parent));
    } catch {
      // It ended meanwhile.
    }
  }
  return found;
}

/** The process's children, their children, and so on. */
function descendantsOf(pid: number): number[] {
  const children = [...parents()].filter(([, parent]) => parent === pid).map(([child]) => child);
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

describe("browser checklist that is killed", () => {
  let url: string;
  let app: FixtureApp;
  beforeEach(async () => {
    url = await createDatabase();
    await runSql(url, ...FIXTURE_TABLES);
    app = await FixtureApp.start(url);
  });
  afterEach(() => app.stop());

  const marked = async () =>
    (await runSql(url, "SELECT id FROM deals WHERE name ~ '^rollout-check-[0-9a-f]{16}$'"))[0]?.rowCount ?? 0;

  /** Kills a run right after it created a deal. @returns what ran below it. */
  async function killInTheMidst(): Promise<number[]> {
    // The next form never comes, so that the run is there to be killed.
    const [point] = onlyPoints(3).points;
    const actions = [...(point?.actions ?? []), { open: "/deals/create" }];
    const spec = specOf(app.url, { points: [{ name: "waits", actions }], actionSeconds: 120 });
    const argument = JSON.stringify({ databaseUrl: url, spec });
    const child = spawn(process.execPath, ["--import", "tsx", PROCESS, argument], {
      stdio: "inherit",
      env: environmentToBeKilled(),
    });
    while ((await marked()) === 0) {
      assert.equal(child.exitCode, null, "the run ended by itself");
      await sleep(50);
    }
    app.breaks = { hangs: true };
    const below = descendantsOf(child.pid as number);
    child.kill("SIGKILL");
    await once(child, "exit");
    app.breaks = {};
    return below;
  }

  inBrowser("leaves no browser behind, and no deal after the next run", async () => {
    const below = await killInTheMidst();
    assert.ok(below.length > 2, "expected the browser's processes below the run");
    while (below.some((pid) => parents().has(pid))) await sleep(50);
    assert.equal(await marked(), 1);
    const deps = makeDeps(url);
    const { removed } = await browserChecklist.apply(specOf(app.url, onlyPoints(2)), deps);
    assert.deepEqual([removed, await marked()], [1, 0]);
    assert.match(deps.lines[0] ?? "", /removed 1 test deals that an earlier run left/);
  });

  inBrowser("leaves no deal after its undo, and none of a user is touched", async () => {
    await killInTheMidst();
    const { summary, kept } = await browserChecklist.undo(specOf(app.url), makeDeps(url));
    assert.deepEqual([summary, kept, await marked()], ["removed 1 test deals", [], 0]);
    assert.equal((await runSql(url, "SELECT id FROM deals"))[0]?.rowCount, 2);
  });

  inBrowser("says what could be left when the database is down at the undo", async () => {
    const down = makeDeps("postgres://nobody@127.0.0.1:9/none");
    const { kept } = await browserChecklist.undo(specOf(app.url), down);
    assert.match(
      kept[0]?.subject ?? "",
      /test deals whose name begins with rollout-check-, if there are any/,
    );
  });
});
