import { deepEqual, equal, match } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { askService } from "../../hosts/health.ts";
import { installRelease } from "../../hosts/release-folder.ts";
import { linkCurrent, makeRepository, specHost, writer } from "./host-fixture.ts";
import { type Declared, HostRollout } from "./rollout-fixture.ts";
import { APP, killServices, makeServedHost, type ServedHost } from "./unit-stand-in.ts";

const RESTART = { maxUnavailable: 1, timeoutSeconds: 8, zeroFailures: true };
const PLACE = { backend: "env-file", variable: "FLAG" };
const NAMES = ["baseline", "feature", "interface", "permanent"] as const;
const started: ServedHost[] = [];

interface PhaseFields {
  phase: string;
  from: string;
  to: string;
  flag: boolean | null;
}

/** Two hosts that run the baseline, and the steps of phases 2 to 4 that change what runs there. */
async function setUp() {
  const { url, shas } = makeRepository(
    { "app.mjs": APP, name: "baseline" },
    ...NAMES.slice(1).map((name) => ({ name })),
  );
  const [baseline = "", feature = "", ui = "", permanent = ""] = shas;
  const hosts = await Promise.all(["host-a", "host-b"].map((name) => makeServedHost(name)));
  started.push(...hosts);
  for (const host of hosts) {
    for (const sha of shas) await installRelease(host, { repository: url, sha }, writer());
    rmSync(join(host.appDir, ".rollout/token"));
    linkCurrent(host, baseline);
    for (const unit of ["web", "worker"]) execFileSync(join(host.folder, "bin/systemctl"), ["restart", unit]);
  }
  const declared = hosts.map(specHost);
  const restart = (when: string, { phase, to: release, flag }: PhaseFields): Declared => ({
    ...{ kind: "service-restart", name: `${when}-restart`, phase },
    fields: { hosts: declared, when, basis: { release, flag }, ...PLACE, restart: RESTART },
  });
  const stepsOf = (fields: PhaseFields) => ({
    opening: restart("opening", { ...fields, to: fields.from }),
    switched: {
      kind: "release-switch",
      phase: fields.phase,
      fields: { hosts: declared, from: fields.from, to: fields.to },
    },
    flag: {
      kind: "env-flag",
      phase: fields.phase,
      fields: { hosts: declared, ...PLACE, value: fields.flag },
    },
    closing: restart("closing", fields),
  });
  const code = (flag: boolean) => stepsOf({ phase: "code-deployment", from: baseline, to: feature, flag });
  const { flag: _, ...userInterface } = stepsOf({
    phase: "interface-rollout",
    from: feature,
    to: ui,
    flag: true,
  });
  const validation = stepsOf({ phase: "validation", from: ui, to: permanent, flag: null });
  const run = new HostRollout();
  const applyAll = async (steps: Record<string, Declared>) => {
    for (const step of Object.values(steps)) await run.apply(step);
  };
  const undoAll = async (steps: Record<string, Declared>) => {
    for (const step of Object.values(steps).reverse()) await run.undo(step);
  };
  const named = new Map(shas.map((sha, index) => [sha, NAMES[index]]));
  /** What all processes say, once: `interface on`. */
  const said = async () => {
    const answers = await Promise.all(
      hosts.flatMap(({ services }) => services.map((service) => askService(service))),
    );
    const all = answers.flatMap(({ processes }) =>
      processes.map(({ release, flag }) => `${named.get(release)} ${flag ? "on" : "off"}`),
    );
    return [...new Set(all)];
  };
  return { run, hosts, code, userInterface, validation, applyAll, undoAll, said, ui };
}

describe("phases that switch what an earlier phase has switched", function () {
  this.timeout(120_000);
  afterEach(() => {
    for (const host of started.splice(0)) killServices(host);
  });

  it("leave it the flag to flip, which keeps their release", async () => {
    const { run, code, userInterface, applyAll, said } = await setUp();
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
    const { run, hosts, code, userInterface, applyAll, ui } = await setUp();
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

  it("take the flag's line out for good, and give it back on their way back, each phase in turn", async () => {
    const { hosts, code, userInterface, validation, applyAll, undoAll, said } = await setUp();
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
});
