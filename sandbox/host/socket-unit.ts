import { createServer, type Server, type Socket } from "node:net";
import type { ServiceUnit } from "./service-unit.ts";

/** As many as the kernel's own queue takes. */
const BACKLOG = 511;

/**
 * A socket unit: keeps the address of a service while the service's processes come and go. A connection that finds no
 * process waits for one, as it would in the kernel's queue; one that finds the service stopped starts it.
 */
export class SocketUnit {
  state: "inactive" | "active" | "failed" = "inactive";
  result: "success" | "resources" | "service-start-limit-hit" = "success";
  activeSinceMs: number | undefined;
  readonly name: string;
  readonly service: ServiceUnit;
  #server: Server | undefined;
  #waiting = new Set<Socket>();

  constructor(name: string, service: ServiceUnit) {
    this.name = name;
    this.service = service;
  }

  /** Listens. @throws when the address is taken. */
  async start(): Promise<void> {
    if (this.state === "active") return;
    // Connections come paused: not a byte is read here, the process that gets one reads all of it.
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => this.#accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.service.unit.port, "127.0.0.1", BACKLOG, resolve);
    });
    this.#server = server;
    this.activeSinceMs = Date.now();
    [this.state, this.result] = ["active", "success"];
  }

  /** Gives the address up. Connections that no process has are closed, those that one has are its own. */
  stop(): void {
    this.#server?.close();
    this.#server = undefined;
    for (const socket of this.#waiting) socket.destroy();
    this.#waiting.clear();
    this.state = "inactive";
  }

  /** As systemd's does when its service can't be started: what waits would wait for ever. */
  fail(): void {
    if (this.state !== "active") return;
    this.stop();
    [this.state, this.result] = ["failed", "service-start-limit-hit"];
  }

  /** Hands over what waits, as far as there are processes to take it. */
  serveWaiting(): void {
    for (const socket of this.#waiting) {
      if (!this.#handOver(socket)) return;
      this.#waiting.delete(socket);
    }
  }

  #accept(socket: Socket): void {
    socket.on("error", () => socket.destroy());
    socket.once("close", () => this.#waiting.delete(socket));
    this.#serve(socket);
  }

  #serve(socket: Socket): void {
    if (this.#handOver(socket)) return;
    this.#waiting.add(socket);
    if (this.service.state === "inactive") void this.#activate();
  }

  #handOver(socket: Socket): boolean {
    return this.service.take(socket, () => this.#serve(socket));
  }

  /** Starts the service, which then finds the connections that wait. */
  async #activate(): Promise<void> {
    if (!(await this.service.start())) this.fail();
  }
}
