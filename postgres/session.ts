import type { Client } from "pg";
import type { StepDeps } from "../steps/step.ts";

/** Opens connections to the target, hands them to `work`, and ends them whatever happens. */
export async function withConnections<T>(
  deps: Pick<StepDeps, "connect">,
  count: number,
  work: (clients: Client[]) => Promise<T>,
): Promise<T> {
  const clients: Client[] = [];
  try {
    while (clients.length < count) clients.push(await deps.connect());
    return await work(clients);
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
  }
}

/** One connection to the target for the time of `work`. */
export function withConnection<T>(
  deps: Pick<StepDeps, "connect">,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  return withConnections(deps, 1, ([client]) => work(client as Client));
}
