import { z } from "zod";

const WithHosts = z.object({ hosts: z.array(z.object({ name: z.string() })) });

/** Names of the hosts in a recorded spec; none where the step works on no hosts. Pure. */
export const hostNames = (spec: Record<string, unknown>): string[] =>
  WithHosts.safeParse(spec).data?.hosts.map(({ name }) => name) ?? [];
