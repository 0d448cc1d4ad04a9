import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { HostPlan, Unit } from "./host.ts";
import { type DropIns, readDropIns } from "./unit-files.ts";
import { startProcess, type UnitProcess } from "./unit-process.ts";

export type ActiveState = "inactive" | "activating" | "active" | "deactivating" | "failed";
/** Why a unit failed, in systemd's words. */
export type Result = "success" | "exit-code" | "signal" | "timeout" | "resources";

/** A start that fails this often in a row has failed. */
const START_LIMIT = 3;
const TIMEOUT_START_MS = 30_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** Told of what a service does. */
export interface ServiceWatch {
  /** Its processes or its state have changed. */
  onChange(): void;
  /** A process takes connections. */
  onReady(): void;
  /** A line for the journal. */
  log(line: string): void;
}

/**
 * A service: its processes, all started and stopped together, each started again when it ends by itself. Jobs (start,
 * stop, restart) run one after the other.
 */
export class ServiceUnit {
  state: ActiveState = "inactive";
  result: Result = "success";
  /** Processes started again since the last start of the service. */
  restarts = 0;
  activeSinceMs: number | undefined;
  /** Of this start of it; its processes find it in INVOCATION_ID. Another one also when it is started again by itself. */
  invocation: string | undefined;
  /** None of its processes runs, and it waits to start one again. */
  waits = false;
  readonly processes = new Set<UnitProcess>();
  dropIns: DropIns;
  readonly plan: HostPlan;
  readonly unit: Unit;
  readonly #watch: ServiceWatch;
  #rotation: UnitProcess[] = [];
  #jobs: Promise<unknown> = Promise.resolve();
  /** Rises with each stop: whoever began before it starts nothing any more. */
  #run = 0;

  constructor(plan: HostPlan, unit: Unit, watch: ServiceWatch) {
    this.plan = plan;
    this.unit = unit;
    this.#watch = watch;
    this.dropIns = readDropIns(plan.folder, unit.unit);
  }

  /** The process that systemd would call the main one. */
  get mainPid(): number {
    return [...this.processes][0]?.pid ?? 0;
  }

  /** @returns whether the service is active now. */
  start(): Promise<boolean> {
    return this.#enqueue(() => this.#startAll());
  }

  stop(): Promise<void> {
    return this.#enqueue(() => this.#stopAll());
  }

  /** @returns whether the service is active again. */
  restart(): Promise<boolean> {
    return this.#enqueue(async () => {
      await this.#stopAll();
      return this.#startAll();
    });
  }

  signal(name: NodeJS.Signals, whom: "main" | "all"): void {
    const all = [...this.processes];
    for (const process of whom === "main" ? all.slice(0, 1) : all) process.signal(name);
  }

  resetFailed(): void {
    if (this.state === "failed") this.#enter("inactive");
    this.result = "success";
    this.restarts = 0;
  }

  /**
   * Gives the connection to the next process that takes any; false when there is none now. `onLost` is called when
   * that process ended between the choice and the hand-over.
   */
  take(connection: Socket, onLost: () => void): boolean {
    const process = this.#rotation.shift();
    if (!process) return false;
    this.#rotation.push(process);
    process.give(connection, () => {
      // It has no channel any more, and may not have said so yet: it must not be chosen again.
      this.#leave(process);
      onLost();
    });
    return true;
  }

  #enqueue<T>(job: () => Promise<T>): Promise<T> {
    const done = this.#jobs.then(job);
    this.#jobs = done.catch(() => undefined);
    return done;
  }

  async #startAll(): Promise<boolean> {
    if (this.state === "active") return true;
    // It is being started again by itself: that ends here.
    if (this.state === "activating") await this.#stopAll();
    this.result = "success";
    this.restarts = 0;
    this.#begin();
    const run = this.#run;
    const slots = Array.from({ length: this.unit.processes }, () => this.#startSlot(run));
    if (!(await Promise.all(slots)).every(Boolean)) {
      const { result } = this;
      await this.#stopAll();
      this.result = result;
      this.#enter("failed");
      this.#watch.log(`${this.unit.unit}.service: Failed with result '${result}'.`);
      return false;
    }
    this.#becomeActive();
    return true;
  }

  /** A start of the unit, by a job or by itself. */
  #begin(): void {
    this.invocation = randomBytes(16).toString("hex");
    this.#enter("activating");
  }

  async #startSlot(run: number): Promise<boolean> {
    for (let tries = 0; tries < START_LIMIT && run === this.#run; tries += 1) {
      if (tries > 0) await sleep(FIRST_PAUSE_MS);
      if (await this.#startOne()) return true;
    }
    return false;
  }

  /** @returns whether the process became ready. */
  async #startOne(): Promise<boolean> {
    const run = this.#run;
    const process = this.#spawn();
    if (!process) return false;
    this.processes.add(process);
    this.#watch.onChange();
    const late = new AbortController();
    const timeout = sleep(TIMEOUT_START_MS, "timeout" as const, { signal: late.signal }).catch(() => false);
    const ready = await Promise.race([process.ready, timeout]);
    late.abort();
    if (ready === "timeout") process.signal("SIGKILL");
    if (ready !== true) {
      const ending = await process.ended;
      if (run === this.#run) this.result = ready === "timeout" ? "timeout" : ending;
      this.#forget(process);
      return false;
    }
    this.#rotation.push(process);
    void process.ended.then(() => this.#replace(process, run));
    this.#watch.onReady();
    return true;
  }

  #spawn(): UnitProcess | undefined {
    try {
      const environment = { INVOCATION_ID: this.invocation ?? "", ...this.dropIns.environment };
      const process: UnitProcess = startProcess(this.plan, this.unit, environment, () =>
        this.#leave(process),
      );
      return process;
    } catch (error) {
      this.result = "resources";
      this.#watch.log(`${this.unit.unit}.service: Failed to start: ${(error as Error).message}`);
      return undefined;
    }
  }

  /** A process that ended by itself is started again, later each time that it does not become ready. */
  async #replace(process: UnitProcess, run: number): Promise<void> {
    this.#forget(process);
    const ending = await process.ended;
    for (let pauseMs = FIRST_PAUSE_MS; run === this.#run; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      if (this.processes.size === 0) this.#wait(ending);
      await sleep(pauseMs);
      if (run !== this.#run) return;
      this.restarts += 1;
      if (this.waits) this.#begin();
      this.waits = false;
      if (await this.#startOne()) return this.#run === run ? this.#becomeActive() : undefined;
    }
  }

  /** As systemd has a unit between two tries: activating, auto-restart, by how the last one ended. */
  #wait(ending: Result): void {
    this.waits = true;
    this.result = ending;
    this.#enter("activating");
  }

  #becomeActive(): void {
    if (this.state !== "activating") return;
    this.waits = false;
    this.result = "success";
    this.activeSinceMs = Date.now();
    this.#enter("active");
  }

  #leave(process: UnitProcess): void {
    this.#rotation = this.#rotation.filter((other) => other !== process);
  }

  #forget(process: UnitProcess): void {
    this.#leave(process);
    this.processes.delete(process);
    this.#watch.onChange();
  }

  /** SIGTERM to all, and SIGKILL to those that outstay the time to stop: then the unit has failed by `timeout`. */
  async #stopAll(): Promise<void> {
    if (this.state === "inactive" || this.state === "failed") return;
    this.#run += 1;
    this.waits = false;
    this.result = "success";
    this.#enter("deactivating");
    const ended = Promise.all([...this.processes].map(({ ended }) => ended));
    this.signal("SIGTERM", "all");
    const inTime = new AbortController();
    const timeout = sleep(this.unit.timeoutStopMs, "timeout" as const, { signal: inTime.signal });
    const late = await Promise.race([ended, timeout.catch(() => undefined)]);
    inTime.abort();
    if (late === "timeout") {
      this.result = "timeout";
      this.#watch.log(`${this.unit.unit}.service: State 'stop-sigterm' timed out. Killing.`);
      this.signal("SIGKILL", "all");
      await ended;
    }
    for (const process of [...this.processes]) this.#forget(process);
    this.#enter(this.result === "timeout" ? "failed" : "inactive");
  }

  #enter(state: ActiveState): void {
    this.state = state;
    this.#watch.onChange();
  }
}
