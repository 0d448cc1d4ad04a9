import { deepEqual, equal, match, rejects } from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { adoptRelease, linkCurrent, makeHost, makeRepository, specHost } from "./host-fixture.ts";
import { type Declared, HostRollout } from "./rollout-fixture.ts";

const STRANGER = "e".repeat(40);

/** Two hosts that run the baseline, and the steps of a phase that bring the feature. */
function setUp() {
  const { url, shas } = makeRepository(
    { "app.txt": "baseline\n" },
    { "app.txt": "feature\n" },
    { "app.txt": "next\n" },
  );
  const [baseline = "", feature = "", next = ""] = shas;
  const hosts = [makeHost("host-a"), makeHost("host-b")];
  for (const host of hosts) adoptRelease(host, baseline);
  const declared = hosts.map(specHost);
  const release: Declared = {
    kind: "release",
    fields: { hosts: declared, repository: url, sha: feature, keep: 1 },
  };
  const releaseSwitch: Declared = {
    kind: "release-switch",
    fields: { hosts: declared, from: baseline, to: feature },
  };
  const envFlag: Declared = {
    kind: "env-flag",
    fields: { hosts: declared, backend: "env-file", variable: "FLAG", value: true },
  };
  const run = new HostRollout();
  const current = () =>
    hosts.map(({ appDir }) => readlinkSync(join(appDir, "current")).slice("releases/".length));
  const flags = () => hosts.map(({ envFile }) => readFileSync(envFile, "utf8"));
  const broken = { ...(declared[1] as object), appDir: "/nowhere", envFile: "/nowhere/x" };
  return {
    url,
    baseline,
    feature,
    next,
    hosts,
    declared,
    release,
    releaseSwitch,
    envFlag,
    run,
    current,
    flags,
    broken,
  };
}

const drift = ({ drift: found }: { drift: { expected: string; observed: string }[] }) =>
  found.map(({ expected, observed }) => `${expected}: ${observed}`);

describe("the step release", () => {
  it("installs on every host, leaves what runs alone, and is quiet from then on", async () => {
    const { run, release, current, baseline, feature } = setUp();
    match(
      (await run.observe(release)).plan.join("\n"),
      /installs the release .* whole on host-a \(no such release\)/,
    );
    const { hosts } = await run.apply(release);
    deepEqual(hosts, [
      { host: "host-a", did: "installed", removed: [] },
      { host: "host-b", did: "installed", removed: [] },
    ]);
    deepEqual(current(), [baseline, baseline]);
    const { drift: left, plan, blockers } = await run.observe(release);
    deepEqual([left, plan, blockers], [[], [], []]);
    equal(feature.length, 40);
  });

  it("shows what was changed or removed by hand as drift, and puts it back", async () => {
    const { run, release, hosts, feature } = setUp();
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
    const { run, release, hosts, feature } = setUp();
    await run.apply(release);
    match((await run.undo(release)).summary, /kept release .* on 2 hosts/);
    equal(readdirSync(join(hosts[0]?.appDir ?? "", "releases")).includes(feature), true);
  });

  it("removes old releases, but none that a step may have to go back to", async () => {
    const { run, release, releaseSwitch, hosts, baseline, feature, next, url, declared } = setUp();
    const folder = join(hosts[0]?.appDir ?? "", "releases");
    for (const old of ["1", "2", "3"].map((digit) => digit.repeat(40))) mkdirSync(join(folder, old));
    await run.apply(release);
    await run.apply(releaseSwitch);
    const later = {
      kind: "release",
      phase: "interface-rollout",
      fields: { hosts: declared, repository: url, sha: next, keep: 1 },
    };
    await run.apply(later);
    const left = readdirSync(folder);
    for (const needed of [baseline, feature, next]) equal(left.includes(needed), true);
    equal(left.length, 4);
  });

  it("does the other hosts when one is broken, and names it", async () => {
    const { run, release, broken, declared, feature, hosts } = setUp();
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
    const { run, release, releaseSwitch, current, baseline, feature } = setUp();
    await run.apply(release);
    const { plan } = await run.observe(releaseSwitch);
    equal(plan[0], `host-a: current ${baseline.slice(0, 12)} -> ${feature.slice(0, 12)}`);
    const result = await run.apply(releaseSwitch);
    deepEqual(result.before, { "host-a": baseline, "host-b": baseline });
    deepEqual(current(), [feature, feature]);
    await run.undo(releaseSwitch);
    deepEqual(current(), [baseline, baseline]);
  });

  it("refuses a host that runs neither, and names what it runs", async () => {
    const { run, releaseSwitch, hosts } = setUp();
    linkCurrent(hosts[1] ?? { appDir: "" }, STRANGER);
    match(
      (await run.observe(releaseSwitch)).blockers.join(),
      /expected current on host-b to be .*, got e{12}\. Correct releases\.baseline/,
    );
    await rejects(run.apply(releaseSwitch), /not started/);
  });

  it("goes on after a crash between two hosts, forward and back", async () => {
    for (const way of ["forward", "back"]) {
      const { run, release, releaseSwitch, current, baseline, feature, hosts, declared } = setUp();
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
    const { run, release, releaseSwitch, current, feature, next, declared } = setUp();
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
    const { run, release, releaseSwitch, current, baseline, hosts } = setUp();
    await run.apply(release);
    await run.apply(releaseSwitch);
    linkCurrent(hosts[0] ?? { appDir: "" }, STRANGER);
    deepEqual((await run.undo(releaseSwitch)).kept, [
      { subject: "host-a: current at eeeeeeeeeeee", reason: "set by hand: replaced" },
    ]);
    deepEqual(current(), [baseline, baseline]);
  });
});

describe("the step env-flag", () => {
  it("sets the flag and gives every host's file back byte by byte", async () => {
    const { run, envFlag, hosts, flags } = setUp();
    writeFileSync(hosts[1]?.envFile ?? "", "# notes\r\nexport FLAG='false'\r\nA=1");
    const before = flags();
    deepEqual((await run.apply(envFlag)).before, { "host-a": null, "host-b": "false" });
    deepEqual(flags(), [`${before[0]}FLAG=true\n`, "# notes\r\nexport FLAG='true'\r\nA=1"]);
    deepEqual(drift(await run.observe(envFlag)), []);
    await run.undo(envFlag);
    deepEqual(flags(), before);
  });

  it("shows a hand edit as drift, keeps what was there before it, and repairs", async () => {
    const { run, envFlag, hosts, flags } = setUp();
    const before = flags();
    await run.apply(envFlag);
    writeFileSync(hosts[0]?.envFile ?? "", "DATABASE_URL=postgres://x\nFLAG=maybe\nFLAG=0\n");
    const seen = await run.observe(envFlag);
    deepEqual(drift(seen), ["FLAG=true on host-a: 0"]);
    match(seen.plan.join(), /host-a: FLAG is on 2 lines of .* \(2, 3\): the last one counts/);
    deepEqual((await run.apply(envFlag)).before, { "host-a": null, "host-b": null });
    const { kept } = await run.undo(envFlag);
    deepEqual(flags(), before);
    const subject = `host-a: folded 2 lines of FLAG in ${hosts[0]?.envFile} into one`;
    deepEqual(kept, [{ subject, reason: "stay folded: one line is enough" }]);
  });

  it("goes back after a crash between two hosts, to what each had before", async () => {
    const { run, envFlag, broken, declared, flags } = setUp();
    const before = flags();
    // Off is the way back: one broken host does not keep the other on.
    const off = { ...envFlag, fields: { ...envFlag.fields, value: false, hosts: [declared[0], broken] } };
    match((await run.observe(off)).plan.join("\n"), /host-b: .*\(listed; the other hosts go on\)/);
    const { unfinished = [] } = (await run.apply(off)) as { unfinished?: string[] };
    match(unfinished.join("\n"), /^host-b: expected the folder of \/nowhere\/x on host-b, got none/);
    equal(flags()[0], `${before[0]}FLAG=false\n`);
    match((await run.undo(off)).summary, /on 1 hosts \(left: host-b\)/);
    deepEqual(flags(), before);
    equal(existsSync("/nowhere"), false);
  });

  it("goes on both ways after a kill in the middle", async () => {
    for (const way of ["forward", "back"]) {
      const { run, envFlag, flags } = setUp();
      const before = flags();
      await run.applyAndKill(envFlag, () => flags().some((text) => text.includes("FLAG=true")));
      equal(run.entry(envFlag)?.state, "half-done");
      if (way === "forward") {
        await run.apply(envFlag);
        for (const text of flags()) match(text, /\nFLAG=true\n$/);
      }
      await run.undo(envFlag);
      deepEqual(flags(), before);
    }
  });

  it("gives way to the newest step that wants the flag", async () => {
    const { run, envFlag, flags } = setUp();
    await run.apply(envFlag);
    const later: Declared = { ...envFlag, phase: "validation", fields: { ...envFlag.fields, value: false } };
    await run.apply(later);
    deepEqual((await run.observe(envFlag)).drift, []);
    await run.undo(later);
    for (const text of flags()) match(text, /FLAG=true\n$/);
  });

  it("is refused on the way on while a host cannot be reached, before any host is changed", async () => {
    const { run, envFlag, broken, declared, flags } = setUp();
    const before = flags();
    const on = { ...envFlag, fields: { ...envFlag.fields, hosts: [declared[0], broken] } };
    await rejects(
      run.apply(on),
      /not started\.\n {2}- host-b: expected the folder of \/nowhere\/x on host-b, got none/,
    );
    deepEqual(flags(), before);
  });
});
