import { readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { noHosts } from "../../hosts/host-shell.ts";
import { evidenceOf } from "../../ledger/entries.ts";
import { saveArtifact } from "../../ledger/store.ts";
import { connect } from "../../postgres/connect.ts";
import type { Change } from "../../postgres/migration/change.ts";
import type { StepDeps } from "../../steps/step.ts";
import { temporaryFolder } from "../temporary-folder.ts";

/** The change that these tests roll out. */
export const change: Change = {
  schema: "public",
  table: "deals",
  column: "deal_type",
  key: "id",
  allowed: ["acquisition", "carveout", "divestiture"],
  normalise: { whenNull: "acquisition", spellings: { "carve-out": "carveout" } },
  constraint: "valid_deal_type",
};

/** The fields that every spec carries. */
export function baseSpec(step: string) {
  const identity = { stack: "test", phase: "pre-flight", step, evidenceUrl: "file:evidence/test" };
  return { specVersion: 1 as const, identity, generation: 1, deadlineSeconds: 60 };
}

export interface TestDeps extends StepDeps {
  folder: string;
  lines: string[];
  readArtifact(path: string): string;
}

/** Real dependencies of a step on a real database; artifacts go to a temporary folder. */
export function makeDeps(databaseUrl: string, overrides: Partial<StepDeps> = {}): TestDeps {
  const folder = temporaryFolder("preflight");
  const lines: string[] = [];
  return {
    folder,
    lines,
    log: (line) => void lines.push(line),
    now: () => new Date(),
    signal: new AbortController().signal,
    databaseUrl: () => databaseUrl,
    connect: () => connect(databaseUrl),
    saveArtifact: async (name, content) => saveArtifact(folder, name, content),
    readArtifact: (path) => readFileSync(join(folder, path), "utf8"),
    evidence: evidenceOf([]),
    shell: noHosts,
    ...overrides,
  };
}

/** Runs SQL on a database, statement after statement. */
export async function runSql(databaseUrl: string, ...statements: string[]): Promise<pg.QueryResult[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const results: pg.QueryResult[] = [];
    for (const statement of statements) results.push(await client.query(statement));
    return results;
  } finally {
    await client.end();
  }
}

/** The deals table of these tests: valid, NULL, old-spelled and unmappable values. */
export const DEALS = [
  "CREATE TABLE deals (id bigint PRIMARY KEY, name text NOT NULL, deal_type varchar(50))",
  `INSERT INTO deals SELECT n, 'Übernahme ' || n,
     (ARRAY['acquisition', 'carveout', NULL, 'carve-out'])[1 + n % 4] FROM generate_series(1, 1000) n`,
];

/** Connection string of another role on the same database. */
export function asRole(databaseUrl: string, role: string, password: string): string {
  const url = new URL(databaseUrl);
  url.username = role;
  url.password = password;
  return url.href;
}
