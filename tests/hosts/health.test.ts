import { deepEqual } from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { askService, askThoroughly } from "../../hosts/health.ts";

/** An address behind which two processes answer; `choose` says which, by how many requests came and are in hand. */
async function twoProcesses(choose: (seen: { came: number; inHand: number }) => number) {
  let [came, inHand] = [0, 0];
  const server = createServer((_, response) => {
    const pid = choose({ came, inHand });
    came += 1;
    inHand += 1;
    setTimeout(() => {
      inHand -= 1;
      response.end(JSON.stringify({ pid, release: "r", startedAt: "2026-03-02T09:00:00Z", flag: true }));
    }, 1);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { server, service: { health: `http://127.0.0.1:${port}/health`, processes: 2 } };
}

const pidsOf = ({ processes }: Awaited<ReturnType<typeof askService>>) => processes.map(({ pid }) => pid);

describe("processes behind one address", () => {
  let server: Server;
  afterEach(() => server.close());

  it("all answer two who ask at the same time, where they take turns", async () => {
    const made = await twoProcesses(({ came }) => 1 + (came % 2));
    server = made.server;
    for (let round = 0; round < 50; round += 1) {
      const answers = await Promise.all([askThoroughly(made.service), askService(made.service)]);
      deepEqual(answers.map(pidsOf), [
        [1, 2],
        [1, 2],
      ]);
    }
  });

  it("all answer where an idle one is always the same", async () => {
    const made = await twoProcesses(({ inHand }) => (inHand === 0 ? 1 : 2));
    server = made.server;
    deepEqual(pidsOf(await askThoroughly(made.service)), [1, 2]);
  });
});
