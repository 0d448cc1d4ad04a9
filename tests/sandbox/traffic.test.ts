import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { runTraffic, sandboxUp } from "../../sandbox/index.ts";
import { percentile } from "../../sandbox/traffic/figures.ts";
import { createRandom, nextOperation } from "../../sandbox/traffic/operations.ts";
import { makeCheckout, removeCheckout } from "./checkout.ts";

/** An app of one deal that answers what `answer` does, for traffic to meet. */
async function withApp(
  answer: RequestListener,
  work: (app: string) => Promise<void>,
  tell: (server: Server) => void = () => undefined,
): Promise<void> {
  const server = createServer((request, response) => {
    const listing = /after=(\d+)&limit=(1|50)$/.exec(request.url ?? "");
    if (!listing) return answer(request, response);
    response.end(JSON.stringify({ deals: listing[1] === "0" ? [{ id: "1" }] : [] }));
  });
  tell(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const answerWell: RequestListener = (request, response) =>
  response.writeHead(request.method === "POST" ? 201 : 200).end("{}");

describe("traffic", () => {
  it("meets no failure on an idle sandbox, and its writes are in the database", async () => {
    const checkout = makeCheckout();
    try {
      const { database } = await sandboxUp({ checkout, deals: 3_000, log: () => undefined });
      const created: { id: string; deal_type: string | null }[] = [];
      const kinds = new Map<string, number>();
      const figures = await runTraffic({
        checkout,
        rate: 200,
        seconds: 3,
        onExchange: ({ operation, reply }) => {
          kinds.set(operation.kind, (kinds.get(operation.kind) ?? 0) + 1);
          if (operation.kind.startsWith("create")) created.push(reply.body as (typeof created)[0]);
        },
      });
      assert.deepEqual(
        [figures.sent, figures.failed, figures.refused],
        [600, 0, 0],
        figures.failures.join("\n"),
      );
      assert.ok(figures.p50Ms > 0 && figures.p50Ms <= figures.p99Ms && figures.p99Ms <= figures.maxMs);
      for (const kind of ["read", "edit", "create-old-style", "create-new-style"])
        assert.ok(kinds.get(kind), kind);
      const client = new pg.Client({ connectionString: database });
      await client.connect();
      const { rows } = await client.query(
        "SELECT id, deal_type FROM deals WHERE name LIKE 'Traffic %' ORDER BY id",
      );
      await client.end();
      created.sort((a, b) => Number(a.id) - Number(b.id));
      assert.deepEqual(
        rows,
        created.map(({ id, deal_type }) => ({ id, deal_type })),
      );
      const types = new Set(rows.map(({ deal_type }) => deal_type));
      for (const type of [null, "carve-out", "carveout"]) assert.ok(types.has(type), String(type));
    } finally {
      await removeCheckout(checkout);
    }
  });

  it("goes on sending while the app stalls, and counts the wait from the intended time", async () => {
    let until = 0;
    let [open, mostOpen] = [0, 0];
    const stall: RequestListener = async (request, response) => {
      until ||= Date.now() + 600;
      open += 1;
      mostOpen = Math.max(mostOpen, open);
      response.once("close", () => {
        open -= 1;
      });
      await sleep(Math.max(0, until - Date.now()));
      answerWell(request, response);
    };
    await withApp(stall, async (app) => {
      const { sent, failed, maxMs, p50Ms } = await runTraffic({ app, rate: 100, seconds: 1 });
      assert.deepEqual([sent, failed], [100, 0]);
      assert.ok(maxMs >= 590, `max ${maxMs}`);
      // Of 100 requests in a second 60 fall into the stall. Nearly all were under way at once: none was held back.
      assert.ok(mostOpen > 40, `open at once: ${mostOpen}`);
      assert.ok(p50Ms > 50, `p50 ${p50Ms}`);
    });
  });

  it("counts an unexpected status and a broken connection as failed, and says which", async () => {
    let count = 0;
    const broken: RequestListener = (request, response) => {
      count += 1;
      if (count % 3 === 0) return void response.writeHead(500).end("oops");
      if (count % 3 === 1) return void request.socket.destroy();
      answerWell(request, response);
    };
    await withApp(broken, async (app) => {
      const { sent, failed, refused, failures } = await runTraffic({ app, rate: 60, seconds: 1 });
      assert.deepEqual([sent, failed, refused], [60, 40, 0]);
      assert.ok(failures.some((line) => line.includes("got 500 oops")));
    });
  });

  it("counts requests that find no connection as refused", async () => {
    // Lists its deals, then is gone: its first other request closes the address for all later ones.
    let server: Server | undefined;
    const vanish: RequestListener = (request, response) => {
      server?.close();
      response.setHeader("connection", "close");
      answerWell(request, response);
      setImmediate(() => server?.closeAllConnections());
    };
    await withApp(
      vanish,
      async (app) => {
        const { sent, refused, failures } = await runTraffic({ app, rate: 50, seconds: 1 });
        assert.equal(sent, 50);
        assert.ok(refused >= 48, `${refused} ${failures}`);
        assert.match(failures.at(-1) ?? "", /ECONNREFUSED/);
      },
      (made) => {
        server = made;
      },
    );
  });

  it("is refused with the app's address when nobody answers there", async () => {
    await assert.rejects(runTraffic({ app: "http://127.0.0.1:9", rate: 10, seconds: 1 }), {
      name: "StepError",
      message: /the app at http:\/\/127.0.0.1:9 to list its deals, got .*ECONNREFUSED/,
    });
  });

  it("is the same for the same seed", () => {
    const run = (seed: number) => {
      const random = createRandom(seed);
      return Array.from({ length: 50 }, (_, number) => nextOperation(random, ["1", "2", "3"], number));
    };
    assert.deepEqual(run(7), run(7));
    assert.notDeepEqual(run(7), run(8));
  });

  it("ends early when it is told to, with what was sent so far", async () => {
    await withApp(answerWell, async (app) => {
      const { sent, failed } = await runTraffic({
        app,
        rate: 100,
        seconds: 60,
        signal: AbortSignal.timeout(300),
      });
      assert.ok(sent > 0 && sent < 100);
      assert.equal(failed, 0);
    });
  });

  it("is refused without a sandbox, and with figures that make no sense", async () => {
    const checkout = makeCheckout();
    await assert.rejects(
      runTraffic({ checkout, rate: 10, seconds: 1 }),
      /expected a running sandbox .* sandbox up/,
    );
    for (const rate of [0, -1, Number.NaN, 2_001])
      await assert.rejects(runTraffic({ checkout, rate, seconds: 1 }), /from 1 to 2000 for --rate/);
    await assert.rejects(runTraffic({ checkout, rate: 1, seconds: 0 }), /from 1 to 86400 for --seconds/);
    await removeCheckout(checkout);
  });

  for (const [values, percent, expected] of [
    [[], 50, 0],
    [[1, 2, 3, 4], 50, 2],
    [[1, 2, 3, 4], 99, 4],
    [[0.456], 100, 0.46],
  ] as const)
    it(`has ${expected} as percentile ${percent} of ${values.length} values`, () => {
      assert.equal(percentile(values, percent), expected);
    });
});
