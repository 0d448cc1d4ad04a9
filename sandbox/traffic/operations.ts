/** One request to the app and the status that a healthy app answers it with. */
export interface Operation {
  kind: "read" | "edit" | "create-old-style" | "create-new-style";
  method: "GET" | "POST" | "PATCH";
  path: string;
  body?: Record<string, unknown>;
  expected: number;
}

/** Numbers in [0, 1), the same for the same seed (mulberry32): two runs send the same requests. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Deals named by traffic begin so: tests and people can tell them. */
export const TRAFFIC_PREFIX = "Traffic ";

/**
 * The next request: 50 % reads, 25 % edits (a third of which set the type), 15 % creations as old clients
 * make them (no type, or the carve-out box ticked), 10 % with a type of the new kind.
 */
export function nextOperation(random: () => number, dealIds: readonly string[], number: number): Operation {
  const id = dealIds[Math.floor(random() * dealIds.length)];
  const deal = `/api/v1/deals/${id}`;
  const dice = random();
  if (dice < 0.35) return { kind: "read", method: "GET", path: deal, expected: 200 };
  if (dice < 0.45) return { kind: "read", method: "GET", path: `${deal}/analysis`, expected: 200 };
  if (dice < 0.5)
    return { kind: "read", method: "GET", path: `/api/v1/deals?after=${id}&limit=20`, expected: 200 };
  if (dice < 0.75)
    return { kind: "edit", method: "PATCH", path: deal, body: edit(random, number), expected: 200 };
  const body = {
    name: `${TRAFFIC_PREFIX}${number} 案件`,
    target_name: "Zürich Data",
    employees: 250,
    applications: 12,
  };
  const create = { method: "POST", path: "/api/v1/deals", expected: 201 } as const;
  if (dice < 0.83) return { ...create, kind: "create-old-style", body };
  if (dice < 0.9) return { ...create, kind: "create-old-style", body: { ...body, carve_out: true } };
  return { ...create, kind: "create-new-style", body: { ...body, deal_type: pick(random, NEW_STYLE) } };
}

const NEW_STYLE = ["acquisition", "carveout", "divestiture"] as const;

function edit(random: () => number, number: number): Record<string, unknown> {
  const dice = random();
  if (dice < 0.45) return { status: pick(random, ["open", "active", "closed"]) };
  if (dice < 0.67) return { notes: `Edited by request ${number}` };
  return { deal_type: pick(random, ["carve-out", ...NEW_STYLE]) };
}

function pick<T>(random: () => number, values: readonly T[]): T {
  return values[Math.floor(random() * values.length)] as T;
}
