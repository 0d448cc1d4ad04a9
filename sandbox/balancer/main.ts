import { existsSync } from "node:fs";
import { createBalancer } from "./balancer.ts";

/** The balancer's process: `main.ts <port> <url of each host>`, run in its folder, with which it ends. */
const LOOK_MS = 2_000;
const STOP_MS = 2_000;

const [port, ...urls] = process.argv.slice(2);
const folder = process.cwd();
const server = createBalancer(urls);
server.once("error", (error) => {
  console.error(`balancer: ${error.message}`);
  process.exit(1);
});
server.listen(Number(port), "127.0.0.1", 511);

/** Answers what is in hand; nothing is left in front of the hosts then. */
function stop(): void {
  server.close(() => process.exit(0));
  setTimeout(() => process.exit(0), STOP_MS);
}

process.on("SIGTERM", stop);
process.on("SIGINT", stop);
setInterval(() => existsSync(folder) || stop(), LOOK_MS);
