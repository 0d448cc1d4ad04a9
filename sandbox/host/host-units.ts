import type { HostPlan } from "./host.ts";
import { ServiceUnit, type ServiceWatch } from "./service-unit.ts";
import { SocketUnit } from "./socket-unit.ts";

/** All units of a host, and the jobs that concern a service together with its socket. */
export class HostUnits {
  readonly services: readonly ServiceUnit[];
  readonly sockets: readonly SocketUnit[];

  constructor(plan: HostPlan, { onChange, log }: Omit<ServiceWatch, "onReady">) {
    this.services = plan.units.map((unit) => {
      const service: ServiceUnit = new ServiceUnit(plan, unit, {
        onChange,
        log,
        onReady: () => this.socketOf(service)?.serveWaiting(),
      });
      return service;
    });
    this.sockets = this.services.flatMap((service) =>
      service.unit.socket ? [new SocketUnit(service.unit.socket, service)] : [],
    );
  }

  /** The unit of this name; `.service` may be left out. */
  find(name: string): ServiceUnit | SocketUnit | undefined {
    const socket = this.sockets.find((unit) => unit.name === name);
    return socket ?? this.services.find(({ unit }) => name === unit.unit || name === `${unit.unit}.service`);
  }

  socketOf(service: ServiceUnit): SocketUnit | undefined {
    return this.sockets.find((socket) => socket.service === service);
  }

  /** Starts or restarts a service. It requires its socket, which is started with it and fails with it. */
  async run(service: ServiceUnit, job: "start" | "restart"): Promise<boolean> {
    const socket = this.socketOf(service);
    await socket?.start();
    const active = await service[job]();
    if (!active) socket?.fail();
    return active;
  }

  /** Starts everything at once. */
  async startAll(): Promise<void> {
    await Promise.all(this.services.map((service) => this.run(service, "start")));
  }

  /** Addresses first: nothing new comes in while the processes end. */
  async stopAll(): Promise<void> {
    for (const socket of this.sockets) socket.stop();
    await Promise.all(this.services.map((service) => service.stop()));
  }
}
