import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

/** What a client of the table saw while something else was at work on it. Milliseconds from the intended send time. */
export interface LoadFigures {
  sent: number;
  errors: string[];
  longestWriteMs: number;
  p99WriteMs: number;
  longestReadMs: number;
}

export interface WriteLoad {
  /** Ends the load when the operations under way have ended. */
  stop(): Promise<LoadFigures>;
}

const CONNECTIONS = 4;

/** Half reads, a third of the rest updates of a value, the others inserts, as old and new code make them. */
function operation(n: number, rows: number): { text: string; values: unknown[]; write: boolean } {
  const id = 1 + ((n * 7919) % rows);
  const slot = n % 10;
  if (slot < 5) return { text: "SELECT * FROM deals WHERE id = $1", values: [id], write: false };
  if (slot < 7)
    return {
      text: "UPDATE deals SET status = 'active', updated_at = now() WHERE id = $1",
      values: [id],
      write: true,
    };
  if (slot < 8)
    return { text: "UPDATE deals SET deal_type = $2 WHERE id = $1", values: [id, "carveout"], write: true };
  const value = slot === 8 ? null : "carve-out";
  return {
    text: "INSERT INTO deals (name, deal_type) VALUES ($1, $2)",
    values: [`new ${n}`, value],
    write: true,
  };
}

function percentile(sorted: number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/**
 * Open loop: operation n is due at n / rate, whether or not the ones before it have been answered. What queues
 * behind a lock therefore counts with all of its waiting.
 */
export async function startWriteLoad(
  url: string,
  { rate, rows }: { rate: number; rows: number },
): Promise<WriteLoad> {
  const clients = Array.from({ length: CONNECTIONS }, () => new pg.Client({ connectionString: url }));
  await Promise.all(clients.map((client) => client.connect()));
  const [reads, writes, errors]: [number[], number[], string[]] = [[], [], []];
  const began = performance.now();
  let running = true;
  let sent = 0;
  const worker = async (client: pg.Client) => {
    while (running) {
      const n = sent;
      sent += 1;
      const due = began + (n * 1000) / rate;
      const early = due - performance.now();
      if (early > 0) await sleep(early);
      const { text, values, write } = operation(n, rows);
      await client.query(text, values).catch((error: Error) => errors.push(error.message));
      (write ? writes : reads).push(performance.now() - due);
    }
  };
  const done = Promise.all(clients.map(worker));
  return {
    async stop() {
      running = false;
      await done;
      await Promise.all(clients.map((client) => client.end()));
      writes.sort((a, b) => a - b);
      return {
        sent,
        errors,
        longestWriteMs: writes.at(-1) ?? 0,
        p99WriteMs: percentile(writes, 0.99),
        longestReadMs: Math.max(0, ...reads),
      };
    },
  };
}
