import type pg from "pg";
import { connect } from "../../postgres/connect.ts";

/**
 * The machine that runs the program stops dead at one COMMIT: all its connections break, just before the server is
 * told or just after it has done it. Between two commits the database does not change, so every state that a crash
 * can leave behind is one of these.
 */
export class CrashPoint {
  readonly commit: number;
  readonly moment: "before" | "after";
  /** Commits seen; when the crash did not come, this is how many there are. */
  seen = 0;
  crashed = false;
  readonly #clients: pg.Client[] = [];

  constructor(commit: number, moment: "before" | "after") {
    this.commit = commit;
    this.moment = moment;
  }

  /** Opens connections that take part in the crash. */
  async connect(url: string): Promise<pg.Client> {
    const client = await connect(url);
    this.#clients.push(client);
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
    client.query = (async (...args: unknown[]) => {
      if (this.crashed) throw new Error("crashed");
      if (args[0] !== "COMMIT") return query(...args);
      this.seen += 1;
      const now = this.seen === this.commit;
      if (now && this.moment === "before") this.#crash();
      const result = await query(...args);
      if (now) this.#crash();
      return result;
    }) as typeof client.query;
    return client;
  }

  #crash(): never {
    this.crashed = true;
    for (const client of this.#clients) {
      (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    }
    throw new Error("crashed");
  }
}
