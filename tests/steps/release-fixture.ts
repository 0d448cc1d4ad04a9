import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TABLES } from "../../sandbox/database/tables.ts";
import { checkOutRelease, ensureRepository, type ReleaseShas } from "../../sandbox/releases/repository.ts";
import { createDatabase } from "../database.ts";
import { makeCheckout } from "../sandbox/checkout.ts";
import { runSql } from "./preflight-deps.ts";

/** Deals of each type in the test database: divestitures are rare. */
export const DEALS = { acquisition: 60, carveout: 30, divestiture: 2 };

/** A database with the sandbox application's own tables and deals of all types. */
export async function databaseOfDeals(): Promise<string> {
  const url = await createDatabase();
  const inserts = Object.entries(DEALS).map(
    ([type, count]) => `INSERT INTO deals (name, target_name, deal_type, it_budget, employees, applications)
      SELECT 'Deal ' || n, 'Target', '${type}', 1000000.01 + n, 100 + n, n % 7 FROM generate_series(1, ${count}) n`,
  );
  await runSql(url, TABLES, ...inserts);
  return url;
}

/** A host's folder with the sandbox application's feature release, and an environment file for a database. */
export class ReleasedHost {
  readonly folder = makeCheckout("released");
  readonly appDir = join(this.folder, "app");
  readonly envFile = join(this.folder, ".env");
  shas!: ReleaseShas;

  static async make(databaseUrl: string): Promise<ReleasedHost> {
    const host = new ReleasedHost();
    const repository = join(host.folder, "repository");
    host.shas = await ensureRepository(repository);
    await checkOutRelease(repository, host.shas.feature, join(host.appDir, "releases", host.shas.feature));
    mkdirSync(join(host.folder, "log"));
    writeFileSync(
      host.envFile,
      `DATABASE_URL="${databaseUrl}"\nLOG_DIR=${join(host.folder, "log")}\nDEAL_TYPE_AWARENESS=false\n`,
    );
    return host;
  }

  get address() {
    return { name: "web-1", appDir: this.appDir, envFile: this.envFile };
  }

  /** A copy of the release as another commit, one file of it changed. @returns the commit. */
  alter(digit: string, file: string, from: string | RegExp, to: string): string {
    const sha = digit.repeat(40);
    const folder = join(this.appDir, "releases", sha);
    cpSync(join(this.appDir, "releases", this.shas.feature), folder, { recursive: true });
    const path = join(folder, file);
    const text = readFileSync(path, "utf8");
    const changed = text.replace(from, to);
    if (changed === text) throw new Error(`expected ${from} in ${file}`);
    writeFileSync(path, changed);
    return sha;
  }
}
