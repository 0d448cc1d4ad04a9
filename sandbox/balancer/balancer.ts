import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Socket } from "node:net";
import { createProxyServer } from "httpxy";

/** A host that has refused a connection gets none for this long. */
const SKIP_MS = 1_000;

/** Longer than clients keep an idle connection, so that the client closes first and no request meets a closing one. */
const KEEP_ALIVE_MS = 65_000;

interface Upstream {
  url: string;
  refusedAtMs: number;
}

/**
 * One address in front of several: each request goes to the next host, over a connection of its own. Nothing is tried
 * twice and no answer is made better than it was: a request that a host refuses or breaks off is the client's failure.
 */
export function createBalancer(urls: readonly string[]): Server {
  const upstreams = urls.map((url): Upstream => ({ url, refusedAtMs: Number.NEGATIVE_INFINITY }));
  const proxy = createProxyServer();
  // The upstream connection ends with its answer; the client's is its own and stays.
  proxy.on("proxyRes", ({ headers }) => {
    delete headers.connection;
    delete headers["keep-alive"];
  });
  const server = createServer((request, response) => {
    const upstream = chooseUpstream(upstreams);
    proxy
      .web(request, response, { target: upstream.url, agent: false })
      .catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ECONNREFUSED") upstream.refusedAtMs = performance.now();
        tellFailure(request, response, upstream.url, error);
      });
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  return server;
}

/** The next in turn that has not refused just now; with none, the one whose refusal is longest ago. */
function chooseUpstream(upstreams: Upstream[]): Upstream {
  const now = performance.now();
  const willing = upstreams.find(({ refusedAtMs }) => now - refusedAtMs > SKIP_MS);
  const chosen = willing ?? upstreams.reduce((a, b) => (a.refusedAtMs <= b.refusedAtMs ? a : b));
  upstreams.push(...upstreams.splice(upstreams.indexOf(chosen), 1));
  return chosen;
}

/** 502 while nothing was answered yet; after that a broken connection is the only honest way to say it. */
function tellFailure(
  request: IncomingMessage,
  response: ServerResponse | Socket,
  url: string,
  { message }: Error,
): void {
  if (response instanceof Socket || response.headersSent) return void response.destroy();
  const body = JSON.stringify({ error: { code: "bad_gateway", message: `${url}: ${message}` } });
  response.writeHead(502, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(request.method === "HEAD" ? undefined : body);
}
