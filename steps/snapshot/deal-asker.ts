import { setMaxListeners } from "node:events";
import type { OutputsSection } from "../../config/outputs.ts";
import { createRateLimit, type Timer } from "../../processes/rate-limit.ts";
import { createCommandAsker } from "./deal-command.ts";
import { HttpAsker } from "./deal-requests.ts";
import type { DealLine } from "./snapshot-line.ts";

/** A deal's line, and what to make of it when it is an error. */
export interface Answered {
  line: DealLine;
  /** The application could not be asked, whichever deal it was: many of them in a row mean that it is down. */
  unavailable?: boolean;
  /** The application knows no such deal: it may have been deleted since its key was read. */
  unknown?: boolean;
}

/** A way to learn the outputs of deals. */
export interface DealAsker {
  /** Deals that are asked for together. */
  readonly batch: number;
  /** One answer for each key, in their order. Throws only when it is cancelled or closed. */
  ask(keys: readonly string[]): Promise<Answered[]>;
  /** Release that the application says it runs; null when it does not say. Throws when it can't be reached. */
  readRelease(): Promise<string | null>;
  close(): Promise<void>;
}

export interface AskerOptions {
  appUrl: string;
  outputs: OutputsSection;
  timer: Timer;
  signal: AbortSignal;
}

/** The configured way: a command, or the application's own addresses. */
export function createAsker(options: AskerOptions): DealAsker {
  // Each request that waits listens for a cancel.
  setMaxListeners(options.outputs.concurrency + 20, options.signal);
  const limit = createRateLimit(options.outputs.requestsPerSecond, options.timer, options.signal);
  const http = new HttpAsker(options, limit);
  return options.outputs.command ? createCommandAsker(options, options.outputs.command, limit, http) : http;
}
