import { createServer } from "node:http";
import type { Socket } from "node:net";
import { openStore } from "./deal-store.ts";
import { openLog } from "./log.ts";
import { createRouter } from "./router.ts";
import { formatFlag, readSettings } from "./settings.ts";

/**
 * A web process. Run by hand it listens on PORT. Under a parent that holds the socket, connections come over
 * the parent's channel: the address outlives every single process behind it.
 */
const settings = readSettings(process.env);
const log = openLog(settings.logDir);
const store = openStore(settings.databaseUrl, 8, (error) =>
  log.error("database connection lost", { error: error.message }),
);
const server = createServer(createRouter({ store, settings, log }));
// Longer than clients keep an idle connection, so that the client closes first and no request meets a closing one.
server.keepAliveTimeout = 65_000;

/** When it stops, a client's idle connection may still bring a request for this long; its answer then closes it. */
const IDLE_MS = 2_000;
const LOOK_MS = 100;

const connections = new Set<Socket>();
let stopping = false;
/** No connection comes any more: the parent has said so, after the last one that it gave. */
let drained = false;

server.on("connection", (socket: Socket) => {
  connections.add(socket);
  socket.once("close", () => {
    connections.delete(socket);
    endWhenDone();
  });
});
server.on("request", (_request, response) => {
  if (stopping) response.setHeader("connection", "close");
});

/** Finishes what is in hand, then ends. */
function stop(): void {
  if (stopping) return;
  stopping = true;
  log.info("web stopping", { pid: process.pid });
  if (process.send) process.send("stopping");
  else server.close(drain);
}

function drain(): void {
  drained = true;
  endWhenDone();
  setTimeout(() => {
    for (const socket of connections) if (socket.bytesRead === 0) socket.destroy();
    setInterval(() => server.closeIdleConnections(), LOOK_MS);
  }, IDLE_MS);
}

function endWhenDone(): void {
  if (drained && connections.size === 0) process.exit(0);
}

process.on("SIGTERM", stop);
process.on("SIGINT", stop);
// The parent is gone, and with it the address.
process.on("disconnect", () => process.exit(0));

if (process.send) {
  process.on("message", (message, socket: Socket | undefined) => {
    if (socket) server.emit("connection", socket);
    else if (message === "drained") drain();
  });
  process.send("ready");
} else {
  server.listen(Number(process.env.PORT ?? "8000"), "127.0.0.1");
}
log.info("web started", { pid: process.pid, release: settings.release, flag: formatFlag(settings) });
