import type { Host } from "../config/target.ts";
import { StepError } from "../errors/step-error.ts";
import type { HostScript } from "./host-script.ts";

/** What of a host a shell has to know. */
export type HostAddress = Pick<Host, "name" | "connection" | "path">;

export interface RunOptions {
  /** Milliseconds until the script and all that it started are ended, by us and by the host itself. */
  timeoutMs: number;
  signal: AbortSignal;
  /** Gets what the script writes to stdout as it comes, however much it is: then `run` gives back nothing of it. */
  onOutput?: (piece: string) => void;
}

/** Runs scripts on hosts. One on this machine is local (local-shell.ts); others need another implementation only. */
export interface HostShell {
  /**
   * @returns what the script wrote to stdout.
   * @throws {HostError} when it does not end well, naming the host and what it said.
   */
  run(host: HostAddress, script: HostScript, options: RunOptions): Promise<string>;
}

/** What the functions of hosts/ need to look at a host. */
export interface HostReader {
  shell: HostShell;
  signal: AbortSignal;
}

/** What they need to change one. */
export interface HostWriter extends HostReader {
  /** Number of the evidence record that began this work: a host that has seen a higher one refuses. */
  token: number;
}

/** Something did not work on a host. The message is complete; `reason` is the part that the host's list shows. */
export class HostError extends StepError {
  override name = "HostError";
  readonly host: string;
  readonly reason: string;

  constructor(script: string, host: string, reason: string, options?: ErrorOptions) {
    super(`${script}: ${reason}`, options);
    this.host = host;
    this.reason = reason;
  }
}

/**
 * It was restarted, and nothing says that it runs what it should not: only the proof cannot be had. Going forward that is
 * a failure; going back is not stopped by it.
 */
export class NotProvenError extends HostError {
  override name = "NotProvenError";
  /** A unit is known not to run: such a host must get no requests, whatever it was put back to. */
  readonly unwell: boolean;

  constructor(script: string, host: string, reason: string, unwell: boolean) {
    super(script, host, reason);
    this.unwell = unwell;
  }
}

/**
 * Why the work on a host failed, for the host's line in a list: whatever it is, it is that host's and keeps no other
 * one from its end. What ends the whole run (it was cancelled, it is past its deadline) is thrown on.
 */
export function hostReason(host: string, error: unknown): string {
  if (error instanceof HostError) return error.reason;
  if (error instanceof StepError || !(error instanceof Error) || error.name === "AbortError") throw error;
  return `expected the work on ${host} to come to its end, got ${error.message}. Look at the host, then run again.`;
}

/** For work that has no hosts, such as a rehearsal on a copy of the database: refuses whatever is run. */
export const noHosts: HostShell = {
  run: async (host, { name }) => {
    throw new HostError(name, host.name, `expected to touch no host here, got ${host.name}. Report this.`);
  },
};
