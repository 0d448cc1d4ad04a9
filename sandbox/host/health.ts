import { request } from "node:http";
import { z } from "zod";

/** What a process of the app says of itself. */
export const Health = z.object({
  release: z.string(),
  pid: z.int(),
  startedAt: z.string(),
  flag: z.boolean().nullable(),
  database: z.enum(["ok", "down"]),
});
export type Health = z.infer<typeof Health>;

/** Asks once, over a connection of its own: behind one address the next process answers. Undefined: no answer. */
export function askHealth(url: string, timeoutMs = 2_000): Promise<Health | undefined> {
  return new Promise((resolve) => {
    const ask = request(
      url,
      { agent: false, timeout: timeoutMs, headers: { connection: "close" } },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        response.once("end", () => resolve(parseHealth(text)));
        response.once("error", () => resolve(undefined));
      },
    );
    ask.once("timeout", () => ask.destroy());
    ask.once("error", () => resolve(undefined));
    ask.end();
  });
}

function parseHealth(text: string): Health | undefined {
  try {
    return Health.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Asks until this many different processes have answered, or as often as is reasonable. */
export async function askAll(url: string, processes: number): Promise<Health[]> {
  const answers = new Map<number, Health>();
  for (let tries = 0; tries < processes * 3 && answers.size < processes; tries += 1) {
    const health = await askHealth(url);
    if (!health) break;
    answers.set(health.pid, health);
  }
  return [...answers.values()];
}
