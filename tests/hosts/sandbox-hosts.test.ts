import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { askService } from "../../hosts/health.ts";
import { readSandbox, runTraffic, sandboxUp } from "../../sandbox/index.ts";
import { sandboxPaths } from "../../sandbox/paths.ts";
import { ensureRepository } from "../../sandbox/releases/repository.ts";
import { makeCheckout, removeCheckout } from "../sandbox/checkout.ts";
import { type Declared, HostRollout } from "./rollout-fixture.ts";

const PLACE = { backend: "env-file", variable: "DEAL_TYPE_AWARENESS" };
const RESTART = { maxUnavailable: 1, timeoutSeconds: 60, zeroFailures: true };

describe("phase 2's steps on the sandbox's hosts", function () {
  this.timeout(300_000);
  const checkout = makeCheckout();
  after(() => removeCheckout(checkout));

  it("go there and back under traffic without one failed request, proven by every process", async () => {
    await sandboxUp({ checkout, deals: 500, log: () => undefined });
    const sandbox = readSandbox({ checkout });
    assert.ok(sandbox);
    const repository = sandboxPaths(checkout).repository;
    const { baseline, feature } = await ensureRepository(repository);
    const { hosts } = sandbox;
    const before = hosts.map(({ envFile }) => readFileSync(envFile, "utf8"));
    const restart = (when: string): Declared => ({
      kind: "service-restart",
      name: `${when}-restart`,
      fields: { hosts, when, basis: { release: feature, flag: true }, ...PLACE, restart: RESTART },
    });
    const steps: Declared[] = [
      restart("opening"),
      { kind: "release", fields: { hosts, repository, sha: feature, keep: 3 } },
      { kind: "release-switch", fields: { hosts, from: baseline, to: feature } },
      { kind: "env-flag", fields: { hosts, ...PLACE, value: true } },
      restart("closing"),
    ];
    const run = new HostRollout();
    const said = async () =>
      (
        await Promise.all(hosts.flatMap(({ services }) => services.map((service) => askService(service))))
      ).flatMap(({ processes }) => processes.map(({ release, flag }) => `${release} ${flag}`));
    const traffic = runTraffic({ checkout, rate: 20, seconds: 60 });
    for (const step of steps) await run.apply(step);
    assert.deepEqual(await said(), Array(6).fill(`${feature} true`));
    for (const step of [...steps].reverse()) await run.undo(step);
    assert.deepEqual(await said(), Array(6).fill(`${baseline} null`));
    assert.deepEqual(
      hosts.map(({ envFile }) => readFileSync(envFile, "utf8")),
      before,
    );
    const { failed, refused } = await traffic;
    assert.deepEqual({ failed, refused }, { failed: 0, refused: 0 });
  });
});
