import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, createServer, type RequestListener, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { createBalancer } from "../../sandbox/balancer/balancer.ts";

const urlOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

interface Reply {
  status: number | undefined;
  body: string;
  connection: string | undefined;
}

describe("the balancer before the sandbox's hosts", () => {
  const open: Server[] = [];
  const agent = new Agent({ keepAlive: true });
  const listen = async (server: Server): Promise<string> => {
    open.push(server);
    await once(server.listen(0, "127.0.0.1"), "listening");
    return urlOf(server);
  };
  const balance = async (...hosts: (RequestListener | string)[]): Promise<string> => {
    const urls = hosts.map((host) => (typeof host === "string" ? host : listen(createServer(host))));
    return listen(createBalancer(await Promise.all(urls)));
  };
  const ask = (url: string, body?: string): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const asked = request(url, { agent, method: body === undefined ? "GET" : "POST" }, (response) => {
        text(response).then(
          (answer) =>
            resolve({ status: response.statusCode, body: answer, connection: response.headers.connection }),
          reject,
        );
      });
      asked.once("error", reject);
      asked.end(body);
    });
  const refusing = async (): Promise<string> => {
    const server = createServer();
    await once(server.listen(0, "127.0.0.1"), "listening");
    const url = urlOf(server);
    server.close();
    await once(server, "close");
    return url;
  };

  afterEach(() => {
    for (const server of open.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });
  after(() => agent.destroy());

  it("gives each host its turn, over a connection of its own, while the client keeps one", async () => {
    const upstream = new Set<unknown>();
    const host =
      (name: string): RequestListener =>
      (incoming, response) => {
        upstream.add(incoming.socket);
        response.end(name);
      };
    const clients = new Set<unknown>();
    const url = await balance(host("a"), host("b"));
    open.at(-1)?.on("connection", (socket) => clients.add(socket));
    const replies = [];
    for (let count = 0; count < 4; count += 1) replies.push(await ask(url));
    assert.deepEqual(
      replies.map(({ body }) => body),
      ["a", "b", "a", "b"],
    );
    assert.deepEqual([upstream.size, clients.size], [4, 1]);
  });

  it("passes request, status and answer on as they are", async () => {
    const url = await balance(async (incoming, response) => {
      const body = await text(incoming);
      response.writeHead(422, { "x-seen": `${incoming.method} ${incoming.url}` }).end(body);
    });
    const large = "ü".repeat(500_000);
    assert.deepEqual(await ask(`${url}/a%20b?c=d`, large), {
      status: 422,
      body: large,
      connection: "keep-alive",
    });
  });

  it("hands an answer on while it is still being made", async () => {
    let finish = () => {};
    const url = await balance((_incoming, response) => {
      response.write("first");
      finish = () => response.end("second");
    });
    const asked = request(url, { agent }).end();
    const [response] = await once(asked, "response");
    const [chunk] = await once(response, "data");
    assert.equal(String(chunk), "first");
    finish();
    assert.equal(await text(response), "second");
  });

  it("answers 502 for a host that refuses, once, and leaves it out of the next turns", async () => {
    const gone = await refusing();
    const url = await balance(gone, (_incoming, response) => void response.end("b"));
    const first = await ask(url);
    assert.equal(first.status, 502);
    assert.match(first.body, new RegExp(`bad_gateway.*${gone}.*ECONNREFUSED`));
    for (let count = 0; count < 4; count += 1) assert.equal((await ask(url)).body, "b");
  });

  it("answers 502 when every host refuses, and goes on trying each", async () => {
    const url = await balance(await refusing(), await refusing());
    for (let count = 0; count < 3; count += 1) assert.equal((await ask(url)).status, 502);
  });

  it("asks nobody again when a host breaks off: 502 before an answer, a broken connection within one", async () => {
    let asked = 0;
    const url = await balance((incoming, response) => {
      asked += 1;
      if (incoming.url === "/before") return void incoming.socket.destroy();
      response.writeHead(200, { "content-length": 100 });
      response.write("half");
      setImmediate(() => incoming.socket.destroy());
    });
    assert.equal((await ask(`${url}/before`, "once")).status, 502);
    await assert.rejects(ask(`${url}/within`), { code: "ECONNRESET" });
    assert.equal(asked, 2);
  });
});
