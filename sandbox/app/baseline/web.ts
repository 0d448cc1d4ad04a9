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

let open = 0;
let stopping = false;
server.on("request", (_request, response) => {
  open += 1;
  if (stopping) response.setHeader("connection", "close");
  response.once("close", () => {
    open -= 1;
    if (stopping && open === 0) process.exit(0);
  });
});

/** Finishes what is in hand, then ends. */
function stop(): void {
  stopping = true;
  log.info("web stopping", { pid: process.pid });
  server.closeIdleConnections();
  if (open === 0) process.exit(0);
}

process.on("SIGTERM", stop);
process.on("SIGINT", stop);
// The parent is gone, and with it the address.
process.on("disconnect", () => process.exit(0));

if (process.send) {
  process.on("message", (_message, socket: Socket | undefined) => {
    if (socket) server.emit("connection", socket);
  });
  process.send("ready");
} else {
  server.listen(Number(process.env.PORT ?? "8000"), "127.0.0.1");
}
log.info("web started", { pid: process.pid, release: settings.release, flag: formatFlag(settings) });
