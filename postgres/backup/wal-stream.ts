import { mkdir, readdir, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { StepError } from "../../errors/step-error.ts";
import { runProgram } from "../../processes/child-process.ts";
import { libpqEnvironment } from "../libpq-environment.ts";
import { type DumpTarget, runClient } from "./dump-program.ts";
import { reserveLog } from "./replication-connection.ts";
import { type Commit, commitMarker } from "./snapshot-commit.ts";

export interface WalStreamOptions extends DumpTarget {
  /** Folder for the log's segments. */
  folder: string;
  /** Paths of pg_receivewal and pg_waldump. */
  receiver: string;
  dumper: string;
}

const PARTIAL = ".partial";
const LOOK_MS = 50;
/** The log is sent as soon as it is on the server's disk. */
const WAIT_MS = 60_000;

/** Commits in what pg_waldump prints, in the log's order. Pure. */
export function parseCommits(text: string): Commit[] {
  const line = /tx:\s+(\d+), lsn: ([0-9A-F]+\/[0-9A-F]+), .*desc: COMMIT(?:_PREPARED)? (?:(\d+):)?/g;
  // A prepared transaction's commit is written by another: its own number comes first in the description.
  return [...text.matchAll(line)].map(([, xid, lsn = "", prepared]) => ({
    lsn,
    xid: Number(prepared ?? xid),
  }));
}

/** The server's log, received while a base backup is taken and a little longer. */
export class WalStream {
  readonly #options: WalStreamOptions;
  readonly #stop = new AbortController();
  #receiving: Promise<void> | undefined;
  #release: (() => Promise<void>) | undefined;
  #failure: unknown;

  constructor(options: WalStreamOptions) {
    this.#options = options;
  }

  /** Starts receiving; returns once the first segment is there, so that a backup begun now lacks nothing. */
  async start(): Promise<void> {
    const { folder, receiver, signal, databaseUrl } = this.#options;
    await mkdir(folder, { mode: 0o700 });
    this.#release = await reserveLog(databaseUrl);
    // A server at rest sends nothing: this is something to send.
    await commitMarker(databaseUrl);
    const target = { ...this.#options, signal: AbortSignal.any([signal, this.#stop.signal]) };
    const argv = [`--directory=${folder}`, "--no-loop", "--no-sync", "--no-password"];
    this.#receiving = runClient(receiver, argv, target).then(
      () =>
        this.#fail(new StepError("backup: expected the server's log to be sent on, got its end. Run again.")),
      (error: unknown) => this.#fail(error),
    );
    await this.#until("the server's log to be sent", async () => (await readdir(folder)).length > 0);
  }

  /** Every commit from a position on, up to that of `last`, which is waited for. */
  commitsUntil(last: number, from: string, timeline: number): Promise<Commit[]> {
    return this.#until(`the commit of transaction ${last} in the log`, async () => {
      const commits = parseCommits(await this.#dump(from, timeline));
      const end = commits.findIndex(({ xid }) => xid === last);
      return end < 0 ? undefined : commits.slice(0, end + 1);
    });
  }

  /** Ends receiving and gives the last segment its name: recovery ends before what it lacks. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#receiving;
    await this.#release?.();
    const { folder } = this.#options;
    for (const name of await readdir(folder).catch(() => [])) {
      if (!name.endsWith(PARTIAL)) continue;
      await rename(join(folder, name), join(folder, name.slice(0, -PARTIAL.length)));
    }
  }

  #fail(error: unknown): void {
    if (!this.#stop.signal.aborted) this.#failure = error;
  }

  async #until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
    for (const began = Date.now(); Date.now() - began < WAIT_MS; await sleep(LOOK_MS)) {
      this.#options.signal.throwIfAborted();
      const found = await look();
      if (found) return found;
      if (this.#failure !== undefined) throw this.#failure;
    }
    throw new StepError(`backup: expected ${what} within ${WAIT_MS / 1000} s, got none. Run again.`);
  }

  /** pg_waldump finds segments by their final names: it looks through links. */
  async #dump(from: string, timeline: number): Promise<string> {
    const { folder, dumper, databaseUrl, timeoutMs, signal } = this.#options;
    const view = `${folder}.view`;
    await rm(view, { recursive: true, force: true });
    await mkdir(view, { mode: 0o700 });
    for (const name of await readdir(folder))
      await symlink(join(folder, name), join(view, name.replace(PARTIAL, "")));
    const argv = [`--path=${view}`, `--timeline=${timeline}`, "--rmgr=Transaction", `--start=${from}`];
    const environment = libpqEnvironment(databaseUrl);
    // It ends with an error where the log ends for now: what it printed until then is what counts.
    const outcome = await runProgram([dumper, ...argv], {
      ...{ environment, timeoutMs, signal, maxOutput: 256 * 1024 * 1024 },
    });
    await rm(view, { recursive: true, force: true });
    return outcome.stdout;
  }
}
