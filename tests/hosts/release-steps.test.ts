import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { linkCurrent } from "./host-fixture.ts";
import { drift, setUpSteps } from "./phase-steps.ts";
import type { Declared } from "./rollout-fixture.ts";

const STRANGER = "e".repeat(40);

describe("the step release", () => {
  it("installs on every host, leaves what runs alone, and is quiet from then on", async () => {
    const { run, release, current, baseline, feature } = setUpSteps();
    match(
      (await run.observe(release)).plan.join("\n"),
      /installs the release .* whole on host-a \(no such release\)/,
    );
    const { hosts } = await run.apply(release);
    deepEqual(hosts, [
      { host: "host-a", did: "installed" },
      { host: "host-b", did: "installed" },
    ]);
    deepEqual(current(), [baseline, baseline]);
    const { drift: left, plan, blockers } = await run.observe(release);
    deepEqual([left, plan, blockers], [[], [], []]);
    equal(feature.length, 40);
  });

  it("shows what was changed or removed by hand as drift, and puts it back", async () => {
    const { run, release, hosts, feature } = setUpSteps();
    await run.apply(release);
    const folder = (index: number) => join(hosts[index]?.appDir ?? "", "releases", feature);
    writeFileSync(join(folder(0), "app.txt"), "hotfix\n");
    rmSync(folder(1), { recursive: true });
    match(
      drift(await run.observe(release)).join("\n"),
      /host-a: 1 files that differ, first app\.txt\n.*host-b: no such release/,
    );
    await run.apply(release);
    deepEqual(drift(await run.observe(release)), []);
    equal(readFileSync(join(folder(0), "app.txt"), "utf8"), "feature\n");
  });

  it("keeps the release when it is undone, and says so", async () => {
    const { run, release, hosts, feature } = setUpSteps();
    await run.apply(release);
    match((await run.undo(release)).summary, /kept release .* on 2 hosts/);
    equal(readdirSync(join(hosts[0]?.appDir ?? "", "releases")).includes(feature), true);
  });

  it("does the other hosts when one is broken, and names it", async () => {
    const { run, release, broken, declared, feature, hosts } = setUpSteps();
    const blocked = { ...release, fields: { ...release.fields, hosts: [declared[0], broken] } };
    match(
      (await run.observe(blocked)).blockers.join(),
      /host-b: expected the folder \/nowhere on host-b, got none/,
    );
    await rejects(run.apply(blocked), /not started\.\n {2}- host-b: expected the folder \/nowhere/);
    equal(readdirSync(join(hosts[0]?.appDir ?? "", "releases")).includes(feature), false);
  });
});

describe("the step release-switch", () => {
  it("points current at the release and back to what each host had before", async () => {
    const { run, release, releaseSwitch, current, baseline, feature } = setUpSteps();
    await run.apply(release);
    const { plan } = await run.observe(releaseSwitch);
    equal(plan[0], `host-a: current ${baseline.slice(0, 12)} -> ${feature.slice(0, 12)}`);
    const result = await run.apply(releaseSwitch);
    deepEqual(result.before, { "host-a": baseline, "host-b": baseline });
    deepEqual(current(), [feature, feature]);
    await run.undo(releaseSwitch);
    deepEqual(current(), [baseline, baseline]);
  });

  it("removes old releases once it is switched, but none that a step may have to go back to", async () => {
    const { run, release, releaseSwitch, hosts, baseline, feature, next, url, declared } = setUpSteps();
    const folder = join(hosts[0]?.appDir ?? "", "releases");
    const old = ["1", "2", "3"].map((digit) => digit.repeat(40));
    for (const sha of old) mkdirSync(join(folder, sha));
    await run.apply(release);
    equal(readdirSync(folder).length, 5, "nothing makes room for a release that is not proven");
    const phase = "interface-rollout";
    await run.apply({
      kind: "release",
      phase,
      fields: { hosts: declared, repository: url, sha: next },
    });
    const { removed } = await run.apply(releaseSwitch);
    deepEqual(Object.keys(removed as object), ["host-a"]);
    const left = readdirSync(folder);
    for (const needed of [baseline, feature, next]) equal(left.includes(needed), true);
    equal(left.length, 4);
  });

  it("is undone also where an older version of this program has switched it", async () => {
    const { run, release, releaseSwitch, current, baseline, feature, declared, hosts } = setUpSteps();
    await run.apply(release);
    for (const host of hosts) linkCurrent(host, feature);
    // As it was kept then: whole hosts, how many releases stay in another step, and no hosts that were pruned.
    const { keep: _, ...switched } = { ...releaseSwitch.fields, keep: 1, hosts: declared };
    const before = { "host-a": baseline, "host-b": baseline };
    run.recordDone({ ...release, fields: { ...release.fields, keep: 1 } }, { sha: feature, hosts: [] });
    run.recordDone({ ...releaseSwitch, fields: switched }, { release: feature, before });
    await run.undo(releaseSwitch);
    match((await run.undo(release)).summary, /kept release/);
    deepEqual(current(), [baseline, baseline]);
  });

  it("refuses a host that runs neither, and names what it runs", async () => {
    const { run, releaseSwitch, hosts } = setUpSteps();
    linkCurrent(hosts[1] ?? { appDir: "" }, STRANGER);
    match(
      (await run.observe(releaseSwitch)).blockers.join(),
      /expected current on host-b to be .*, got e{12}\. Correct `releases` in the stack config/,
    );
    await rejects(run.apply(releaseSwitch), /not started/);
  });

  it("goes on after a crash between two hosts, forward and back", async () => {
    for (const way of ["forward", "back"]) {
      const { run, release, releaseSwitch, current, baseline, feature, hosts, declared } = setUpSteps();
      await run.apply(release);
      rmSync(join(hosts[1]?.appDir ?? "", "releases", feature), { recursive: true });
      await rejects(
        run.apply(releaseSwitch),
        /host-b: expected the release .*\n {2}Done: host-a\. Mend it and run again/,
      );
      deepEqual(current(), [feature, baseline]);
      if (way === "forward") {
        await run.apply({ ...release, fields: { ...release.fields, hosts: declared } });
        const { before } = await run.apply(releaseSwitch);
        deepEqual(before, { "host-a": baseline, "host-b": baseline });
        deepEqual(current(), [feature, feature]);
      }
      await run.undo(releaseSwitch);
      deepEqual(current(), [baseline, baseline]);
    }
  });

  it("leaves current to the newest step that wants it, forward and back", async () => {
    const { run, release, releaseSwitch, current, feature, next, declared } = setUpSteps();
    await run.apply(release);
    await run.apply(releaseSwitch);
    const phase = "interface-rollout";
    await run.apply({ ...release, phase, fields: { ...release.fields, sha: next } });
    const later: Declared = {
      kind: "release-switch",
      phase,
      fields: { hosts: declared, from: feature, to: next },
    };
    await run.apply(later);
    const seen = await run.observe(releaseSwitch);
    deepEqual([seen.drift, seen.blockers], [[], []]);
    match(seen.plan.join(), /nothing: interface-rollout release-switch owns `current`/);
    await run.undo(later);
    deepEqual(current(), [feature, feature]);
  });

  it("sets current back although someone has switched it by hand, and says what was there", async () => {
    const { run, release, releaseSwitch, current, baseline, hosts } = setUpSteps();
    await run.apply(release);
    await run.apply(releaseSwitch);
    linkCurrent(hosts[0] ?? { appDir: "" }, STRANGER);
    deepEqual((await run.undo(releaseSwitch)).kept, [
      { subject: "host-a: current at eeeeeeeeeeee", reason: "set by hand: replaced" },
    ]);
    deepEqual(current(), [baseline, baseline]);
  });
});
