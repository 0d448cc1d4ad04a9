import { deepEqual, equal, rejects } from "node:assert/strict";
import { rmSync } from "node:fs";
import { abandonHost } from "../../cli/recover/abandon-host.ts";
import { releaseOf } from "../../ledger/later-hosts.ts";
import { setUpSteps } from "./phase-steps.ts";
import type { Declared } from "./rollout-fixture.ts";

/** A step that changes the database, done; its undo would ask for the database, and these tests have none. */
const DATABASE: Declared = { kind: "expand", phase: "database-migration", fields: {} };
const ASKED = /no database: these steps must not need one/;

/** Phase 1 done, then phase 2 on two hosts up to the flag. */
async function phasesOneAndTwo() {
  const all = setUpSteps();
  const { run, release, releaseSwitch, envFlag, declared, baseline, feature } = all;
  const place = { backend: "env-file", variable: "FLAG" };
  const opening: Declared = {
    kind: "service-restart",
    name: "opening-restart",
    fields: {
      hosts: declared,
      when: "opening",
      basis: { release: baseline, flag: null },
      ...place,
      restart: {},
    },
  };
  run.recordDone(DATABASE, {});
  for (const step of [opening, release, releaseSwitch, envFlag]) await run.apply(step);
  const databaseUndo = () => run.undoEntry(DATABASE);
  return { ...all, opening, databaseUndo, short: feature.slice(0, 12) };
}

describe("the database on the way back", function () {
  this.timeout(60_000);

  it("waits for hosts that may still run a later release, names each with it and says what to do", async () => {
    const { databaseUndo, short, run } = await phasesOneAndTwo();
    const records = run.chain.records.length;
    await rejects(databaseUndo(), (error: Error) => {
      equal(
        error.message,
        "expand: not undone: the database waits for 2 hosts that may still run a later release.\n" +
          `  - host-a: code-deployment is not undone there; it may still run release ${short}\n` +
          `  - host-b: code-deployment is not undone there; it may still run release ${short}\n` +
          "  Undo that phase first: npx rollout up --stack s. A host that is gone for good: " +
          'npx rollout recover --without <host> --reason "…" --stack s',
      );
      return true;
    });
    equal(run.chain.records.length, records, "nothing of it began");
  });

  it("waits also when the files are back on the hosts that answer and only the opening restart is left", async () => {
    const { databaseUndo, run, envFlag, releaseSwitch, release, short } = await phasesOneAndTwo();
    for (const step of [envFlag, releaseSwitch, release]) await run.undo(step);
    equal(releaseOf("code-deployment", run.deps().evidence.entries())?.slice(0, 12), short);
    await rejects(databaseUndo(), /database waits for 2 hosts/);
  });

  it("does not wait for a host that was given up, and waits for the others", async () => {
    const { databaseUndo, run, hosts } = await phasesOneAndTwo();
    rmSync(hosts[1]?.appDir ?? "", { recursive: true });
    await abandonHost(run.chain, { host: "host-b", reason: "its disk burnt" }, run.deps());
    await rejects(
      databaseUndo(),
      /database waits for 1 hosts that may still run a later release\.\n {2}- host-a: /,
    );
  });

  it("begins once every host is back, whatever was not proven", async () => {
    const { databaseUndo, run, envFlag, releaseSwitch, release, opening } = await phasesOneAndTwo();
    for (const step of [envFlag, releaseSwitch, release]) await run.undo(step);
    run.recordUndone(opening);
    await rejects(databaseUndo(), ASKED);
  });

  it("is not held back by what belongs to its own phase or an earlier one", async () => {
    const { run, releaseSwitch } = setUpSteps();
    run.recordDone({ ...releaseSwitch, phase: "validation" }, {});
    run.recordDone({ ...DATABASE, kind: "contract", phase: "validation" }, {});
    await rejects(run.undoEntry({ ...DATABASE, kind: "contract", phase: "validation" }), ASKED);
    deepEqual([...run.deps().evidence.entries().values()].at(-1)?.state, "done");
  });
});
