import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { die, revive } from "./dead-host.ts";
import { endLaterPhases, RESTART, setUpLaterPhases } from "./later-phases.ts";
import type { ServedHost } from "./unit-stand-in.ts";

describe("phases that switch what an earlier phase has switched", function () {
  this.timeout(120_000);
  afterEach(endLaterPhases);

  it("leave it the flag to flip, which keeps their release", async () => {
    const { run, code, userInterface, applyAll, said } = await setUpLaterPhases();
    await applyAll(code(true));
    await applyAll(userInterface);
    deepEqual(await said(), ["interface on"]);
    for (const on of [false, true]) {
      const { flag, closing } = code(on);
      for (const step of [flag, closing]) await run.apply(step);
      deepEqual(await said(), [`interface ${on ? "on" : "off"}`]);
    }
    for (const step of [code(true).switched, code(true).closing])
      deepEqual((await run.observe(step)).drift, [], "what a later phase owns is no drift of an earlier one");
  });

  it("keep their release on a host that is put back when the flag cannot go on", async () => {
    const { run, hosts, code, userInterface, applyAll, ui } = await setUpLaterPhases();
    await applyAll(code(true));
    await applyAll(userInterface);
    for (const step of [code(false).flag, code(false).closing]) await run.apply(step);
    const [host] = hosts as [ServedHost];
    writeFileSync(join(host.folder, `deaf-${ui}`), "");
    await run.apply(code(true).flag);
    const closing = code(true).closing;
    const impatient = { ...RESTART, timeoutSeconds: 2 };
    const error = await run
      .apply({ ...closing, fields: { ...closing.fields, restart: impatient } })
      .catch(String);
    match(String(error), /host-a: put back/);
    equal(readlinkSync(join(host.appDir, "current")), `releases/${ui}`);
    equal(readFileSync(host.envFile, "utf8").includes("FLAG=false"), true);
  });

  it("leave no line of the flag on a host that is put back when a patch without it fails", async () => {
    const { run, hosts, code, userInterface, validation, patched, ...rest } = await setUpLaterPhases();
    for (const steps of [code(true), userInterface, validation]) await rest.applyAll(steps);
    const [host] = hosts as [ServedHost];
    writeFileSync(join(host.folder, `fails-${rest.patch}`), "");
    await run.apply(patched.switched);
    const error = await run.apply(patched.closing).catch(String);
    match(String(error), /host-a: put back/);
    equal(readlinkSync(join(host.appDir, "current")), `releases/${rest.permanent}`);
    equal(readFileSync(host.envFile, "utf8").includes("FLAG"), false);
  });

  it("take the flag's line out for good, and give it back on their way back, each phase in turn", async () => {
    const { hosts, code, userInterface, validation, applyAll, undoAll, said } = await setUpLaterPhases();
    const envFiles = () => hosts.map(({ envFile }) => readFileSync(envFile, "utf8"));
    const before = envFiles();
    await applyAll(code(true));
    const withFlag = envFiles();
    await applyAll(userInterface);
    await applyAll(validation);
    deepEqual(await said(), ["permanent off"]);
    deepEqual(envFiles(), before);
    await undoAll(validation);
    deepEqual(await said(), ["interface on"]);
    deepEqual(envFiles(), withFlag);
    await undoAll(userInterface);
    deepEqual(await said(), ["feature on"]);
    await undoAll(code(true));
    deepEqual(await said(), ["baseline off"]);
    deepEqual(envFiles(), before);
  });

  it("are taken back on the other hosts while one is dead, and on that one once it answers", async () => {
    const { run, hosts, code, userInterface, validation, applyAll, undoAll, said } = await setUpLaterPhases();
    for (const steps of [code(true), userInterface]) await applyAll(steps);
    const [a, b] = hosts as [ServedHost, ServedHost];
    const flags = () => [a, b].map(({ envFile }) => readFileSync(envFile, "utf8"));
    const before = flags();
    await applyAll(validation);
    die(b);
    await rejects(undoAll(validation), /- host-a: proven, 3 processes\n {2}- host-b: /);
    equal(run.entry(validation.opening)?.state, "half-done");
    revive(b);
    deepEqual((await said()).sort(), ["interface on", "permanent off"]);
    await run.undo(validation.opening);
    deepEqual(await said(), ["interface on"]);
    deepEqual(flags(), before);
  });
});
