import assert from "node:assert/strict";
import { askAll } from "../../sandbox/host/health.ts";
import {
  runTraffic,
  type Sandbox,
  sandboxStatus,
  sandboxUp,
  type TrafficFigures,
} from "../../sandbox/index.ts";
import { makeCheckout, removeCheckout } from "./checkout.ts";
import { systemctl, until } from "./fleet.ts";

/** Requests a second that a machine busy with other tests answers as well: a backlog would fail each by its time limit. */
const RATE = 40;

describe("the sandbox's hosts under traffic", () => {
  let checkout: string;
  let sandbox: Sandbox;

  before(async () => {
    checkout = makeCheckout();
    sandbox = await sandboxUp({ checkout, deals: 500, log: () => undefined });
  });
  after(() => removeCheckout(checkout));

  /** Traffic from before the work begins until after it has ended. */
  async function during(work: () => Promise<void>, app = sandbox.app): Promise<TrafficFigures> {
    const done = new AbortController();
    let answers = 0;
    const traffic = runTraffic({
      ...{ app, rate: RATE, seconds: 120, signal: done.signal },
      onExchange: () => {
        answers += 1;
      },
    });
    try {
      const flowing = (more: number) => until("traffic to flow", () => answers >= more);
      await flowing(100);
      await work();
      await flowing(answers + 100);
    } finally {
      done.abort();
    }
    return traffic;
  }

  async function restartAll(hosts: Sandbox["hosts"], units: string[]): Promise<void> {
    for (const host of hosts)
      for (const unit of units) {
        const said = await systemctl(host, "restart", unit);
        assert.deepEqual(said, { stdout: "", stderr: "", exitCode: 0 });
      }
  }

  const assertUnhurt = ({ failed, refused, failures }: TrafficFigures) =>
    assert.deepEqual([failed, refused], [0, 0], failures.join("\n"));

  it("lose no request while each unit of both is restarted, one after the other", async () => {
    const before = await pidsOf();
    assertUnhurt(await during(() => restartAll(sandbox.hosts, ["diligence-web", "diligence-worker"])));
    const after = await pidsOf();
    assert.equal(after.length, 6);
    assert.ok(!after.some((pid) => before.includes(pid)));
  });

  it("lose no request either of clients that keep their connections to one host", async () => {
    const [host] = sandbox.hosts;
    assert.ok(host);
    const address = new URL(host.services[0]?.health ?? "").origin;
    assertUnhurt(await during(() => restartAll([host], ["diligence-web", "diligence-web"]), address));
  });

  it("lose no request when each web process is told to end by a signal of its own", async () => {
    const [host] = sandbox.hosts;
    assert.ok(host);
    const { health, processes } = host.services[0] as (typeof host.services)[0];
    const figures = await during(async () => {
      const before = await askAll(health, processes);
      for (const { pid } of before) {
        process.kill(pid, "SIGTERM");
        await until(`another process than ${pid}`, async () => {
          const now = await askAll(health, processes);
          return now.length === processes && now.every((other) => other.pid !== pid);
        });
      }
    });
    assertUnhurt(figures);
  });

  it("lose what killed processes had in hand, and go on answering however often they are killed", async () => {
    const [host] = sandbox.hosts;
    assert.ok(host);
    const { health, processes } = host.services[0] as (typeof host.services)[0];
    const rounds = 5;
    const { failed, refused, sent } = await during(async () => {
      for (let round = 0; round < rounds; round += 1) {
        await systemctl(host, "kill", "-s", "KILL", "diligence-web");
        await until("new processes", async () => (await askAll(health, processes)).length === processes);
      }
    });
    assert.equal(refused, 0);
    assert.ok(failed < sent / 10, `${failed} of ${sent}`);
    assert.equal((await systemctl(host, "is-active", "diligence-web")).stdout, "active");
  });

  it("lose what a host had in hand when it is gone, and nothing that comes later", async () => {
    const [host] = sandbox.hosts;
    assert.ok(host);
    const figures = await during(async () => {
      await systemctl(host, "stop", "diligence-web.socket", "diligence-web");
      await systemctl(host, "start", "diligence-web");
    });
    assert.equal(figures.refused, 0);
    // One for each second in which the balancer looks whether the host is back.
    assert.ok(figures.failed <= 30, `${figures.failed}: ${figures.failures.join("\n")}`);
  });

  async function pidsOf(): Promise<number[]> {
    const { hosts } = await sandboxStatus({ checkout });
    return hosts.flatMap(({ units }) => units.flatMap(({ processes }) => processes.map(({ pid }) => pid)));
  }
});
