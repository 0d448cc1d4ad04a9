import { readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { adoptRelease, makeHost, makeRepository, specHost } from "./host-fixture.ts";
import { type Declared, HostRollout } from "./rollout-fixture.ts";

/** Two hosts that run the baseline, and the steps of a phase that bring the feature. */
export function setUpSteps() {
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
    fields: { hosts: declared, repository: url, sha: feature },
  };
  const releaseSwitch: Declared = {
    kind: "release-switch",
    fields: { hosts: declared, from: baseline, to: feature, keep: 1 },
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

/** Drift of an observation, a line each. */
export const drift = ({ drift: found }: { drift: { expected: string; observed: string }[] }) =>
  found.map(({ expected, observed }) => `${expected}: ${observed}`);
