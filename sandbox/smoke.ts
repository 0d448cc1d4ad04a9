import assert from "node:assert/strict";

/**
 * Does with the sandbox's application what its users do: `smoke.ts <address>`. A deal is created as old clients do it,
 * read, analysed and edited, and removed again whatever happens. Exit code 1 and the reason when one of it fails.
 */
const [address = ""] = process.argv.slice(2);

async function ask(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const response = await fetch(new URL(path, address), {
    method,
    signal: AbortSignal.timeout(10_000),
    ...(body ? { headers: { "content-type": "application/json" }, body: JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path}: HTTP ${response.status} ${text.slice(0, 300)}`);
  return text.startsWith("{") ? JSON.parse(text) : {};
}

async function useDeal(id: unknown): Promise<void> {
  const path = `/api/v1/deals/${id}`;
  const deal = await ask("GET", path);
  assert.equal(deal.name, "Smoke test");
  assert.equal(deal.deal_type, "carveout", "an old client's carve-out is kept as carveout");
  const analysis = await ask("POST", `${path}/analysis`);
  assert.match(String(analysis.cost_total), /^\d+\.\d{2}$/);
  const edited = await ask("PATCH", path, { employees: 12 });
  assert.equal(edited.employees, 12);
}

async function run(): Promise<string> {
  const health = await ask("GET", "/health");
  assert.equal(health.database, "ok", "the application reaches its database");
  await ask("GET", "/deals/create");
  const deal = { name: "Smoke test", target_name: "Nobody Ltd", carve_out: true };
  const { id } = await ask("POST", "/api/v1/deals", deal);
  try {
    await useDeal(id);
  } finally {
    await ask("DELETE", `/api/v1/deals/${id}`);
  }
  return `created, read, analysed, edited and removed deal ${id}`;
}

try {
  console.log(`smoke test of ${address}: ${await run()}`);
} catch (error) {
  console.error(`smoke test of ${address}: ${(error as Error).message}`);
  process.exitCode = 1;
}
