import type { Client } from "pg";
import { assertContains, type Chain, type Head } from "../ledger/chain.ts";
import { readChainHead, writeChainHead } from "../postgres/chain-head.ts";
import { acquireLease } from "../postgres/lease.ts";
import type { Step, StepDeps } from "./step.ts";

/** One row is read and written: what takes longer hangs. */
const HEAD_TIMEOUT = "5s";

/**
 * The target database's memory of the evidence, and its lease. One connection of its own, opened at first use.
 * A database that cannot be reached is no obstacle here: a step that needs it says so itself.
 */
export class TargetGuard {
  readonly #connect: (() => Promise<Client>) | undefined;
  readonly #stack: string;
  #client: Promise<Client | undefined> | undefined;
  #leased = false;

  /** @param connect absent when the stack has no database. */
  constructor(stack: string, connect: (() => Promise<Client>) | undefined) {
    this.#stack = stack;
    this.#connect = connect;
  }

  #open(): Promise<Client | undefined> {
    this.#client ??= this.#connect ? this.#connectBriefly(this.#connect) : Promise.resolve(undefined);
    return this.#client;
  }

  async #connectBriefly(connect: () => Promise<Client>): Promise<Client | undefined> {
    try {
      const client = await connect();
      await client.query(`SET statement_timeout = '${HEAD_TIMEOUT}'`);
      return client;
    } catch {
      return undefined;
    }
  }

  /**
   * One that does not answer knows nothing against it: a step that changes the database finds that out by itself.
   * @throws {BrokenChain} when the database has seen evidence that this store does not hold.
   */
  async assertKnows(chain: Chain): Promise<void> {
    const client = await this.#open();
    const known = client && (await readChainHead(client, this.#stack).catch(() => this.#giveUp(client)));
    if (known)
      assertContains(
        chain.folder,
        [...chain.records],
        { number: known.seq, hash: known.hash },
        "the database",
      );
  }

  /**
   * Tells the database how far the evidence reaches. Nothing happens where schema `rollout` is absent. Only a step that
   * changes the database depends on it: to any other, one that is read-only, full or stuck is no obstacle, and the head
   * that it knows lags behind, which is no fault.
   */
  async rememberHead(head: Head): Promise<void> {
    const client = await this.#open();
    if (!client) return;
    try {
      await writeChainHead(client, this.#stack, { seq: head.number, hash: head.hash });
    } catch (error) {
      if (this.#leased) throw error;
      await this.#giveUp(client);
    }
  }

  /** A database that is stuck is asked once, not before and after every step. */
  async #giveUp(client: Client): Promise<undefined> {
    this.#client = Promise.resolve(undefined);
    await client.end().catch(() => undefined);
  }

  /** Runs `work` under the database's lease when the step changes the database, else as it is. */
  async withLease<T>(step: Step, deps: StepDeps, work: (deps: StepDeps) => Promise<T>): Promise<T> {
    if (!step.lease) return work(deps);
    const holder = `${this.#stack}: ${step.name}`;
    this.#leased = true;
    const lease = await acquireLease(() => deps.connect(), { holder, log: deps.log });
    try {
      return await work({ ...deps, lease });
    } finally {
      await lease.release();
    }
  }

  async close(): Promise<void> {
    const client = await this.#client;
    await client?.end();
  }
}
