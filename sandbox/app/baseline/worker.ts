import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { RequestError } from "./deal.ts";
import { openStore } from "./deal-store.ts";
import { readHealth } from "./health.ts";
import { answerError, send } from "./http.ts";
import { openLog } from "./log.ts";
import { runNextJob } from "./queue.ts";
import { formatFlag, readSettings } from "./settings.ts";

/** The worker process: runs queued analyses one by one, and only reads while none is queued. */
const settings = readSettings(process.env);
const log = openLog(settings.logDir);
const store = openStore(settings.databaseUrl, 2, (error) =>
  log.error("database connection lost", { error: error.message }),
);
const POLL_MS = 500;

const health = createServer((request, response) => {
  const answer =
    request.url === "/health"
      ? readHealth(settings, store.ping).then((body) => ({ status: 200, body }))
      : Promise.reject(new RequestError(404, "not_found", "only /health is here"));
  answer
    .catch((error) => answerError(error, log, request.url ?? "/"))
    .then((result) => send(request, response, result));
});
health.listen(Number(process.env.HEALTH_PORT ?? "8001"), "127.0.0.1", () => process.send?.("ready"));

const stopping = new AbortController();
process.on("SIGTERM", () => stopping.abort());
process.on("SIGINT", () => stopping.abort());
process.on("disconnect", () => process.exit(0));
log.info("worker started", { pid: process.pid, release: settings.release, flag: formatFlag(settings) });

while (!stopping.signal.aborted) {
  const ran = await runNextJob(store, settings, log).catch((error: Error) => {
    log.error("job queue unavailable", { error: error.message });
    return false;
  });
  if (!ran) await sleep(POLL_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
}
log.info("worker stopping", { pid: process.pid });
process.exit(0);
