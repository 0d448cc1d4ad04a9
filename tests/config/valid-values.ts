/** A valid production configuration, as Pulumi hands it over: text, JSON for objects. */
export function validValues(changed: Record<string, unknown> = {}): Record<string, unknown> {
  const values: Record<string, unknown> = {
    environment: "production",
    phase: "1",
    databaseUrl: "postgres://owner:canary-password@db.example.com:5432/diligence",
    change: {
      table: "deals",
      column: "deal_type",
      key: "id",
      allowed: ["acquisition", "carveout", "divestiture"],
      constraint: "valid_deal_type",
      normalise: { whenNull: "acquisition", spellings: { "carve-out": "carveout" } },
    },
    releases: {
      baseline: "a".repeat(40),
      feature: "b".repeat(40),
      interface: "c".repeat(40),
      permanent: "d".repeat(40),
    },
    hosts: [
      {
        name: "web-1",
        appDir: "/opt/diligence",
        envFile: "/opt/diligence/.env",
        services: [
          { unit: "diligence-web", kind: "web", processes: 2, health: "http://127.0.0.1:8000/health" },
        ],
      },
    ],
    app: { url: "https://diligence.example.com" },
    ...changed,
  };
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      key,
      typeof value === "object" ? JSON.stringify(value) : value,
    ]),
  );
}

/** The value of one key of `validValues` with one inner path replaced; `undefined` removes it. */
export function withInner(key: string, path: (string | number)[], value: unknown): Record<string, unknown> {
  const root = JSON.parse(
    String(
      validValues({
        migration: {},
        backup: {},
        evidence: {},
        dependencies: [{ name: "node", command: ["node"], pattern: "v(.*)" }],
      })[key],
    ),
  );
  const last = path.at(-1) as string | number;
  const owner = path.slice(0, -1).reduce((inner, part) => inner[part], root);
  if (value === undefined) delete owner[last];
  else owner[last] = value;
  return { [key]: root };
}
