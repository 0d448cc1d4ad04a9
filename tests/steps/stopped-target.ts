import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { snapshotRows, snapshotSchema } from "../../postgres/schema-snapshot.ts";
import { constraint } from "../../steps/constraint.ts";
import { expand } from "../../steps/expand.ts";
import type { MigrationSpec } from "../../steps/migration/migration-plan.ts";
import { migration } from "../../steps/migration.ts";
import { RolloutTarget } from "./rollout-target.ts";
import { WriterUnit } from "./writer-unit.ts";

/** What the application's own migration is: `flask db upgrade` as SQL in one transaction. */
export const RIGHT_UPGRADE = `
  UPDATE deals SET deal_type = 'acquisition' WHERE deal_type IS NULL OR deal_type = '';
  UPDATE deals SET deal_type = 'carveout' WHERE deal_type IN ('carve-out', 'Carve-Out ');
  UPDATE deals SET deal_type = 'divestiture' WHERE deal_type = 'seller''s';
  ALTER TABLE deals ALTER COLUMN deal_type SET NOT NULL,
    ADD CONSTRAINT valid_deal_type CHECK (deal_type IN ('acquisition', 'carveout', 'divestiture'));
  UPDATE alembic_version SET version_num = '004';`;

/** A target whose table one real process writes to, and a migrator that is neither it nor a superuser. */
export class StoppedTarget {
  readonly target: RolloutTarget;
  readonly unit: WriterUnit;
  readonly #role: string;

  private constructor(target: RolloutTarget, role: string, unit: WriterUnit) {
    this.target = target;
    this.unit = unit;
    this.#role = role;
  }

  static async make(rows = 80): Promise<StoppedTarget> {
    const target = await RolloutTarget.make({ rows });
    const database = new URL(target.url).pathname.slice(1);
    const role = `migrator_${database}`;
    // As a server has it by default; the test server's own default would hide what the command has to be given.
    await target.admin.query(`ALTER DATABASE ${database} SET client_connection_check_interval = 0`);
    await target.admin.query(
      `CREATE ROLE ${role} LOGIN CREATEROLE PASSWORD 'x'; GRANT CREATE ON DATABASE ${database} TO ${role};
       GRANT CREATE ON SCHEMA public TO ${role}; ALTER ROLE rollout_test_app PASSWORD 'x';
       ALTER TABLE deals OWNER TO ${role}; ALTER TABLE notes OWNER TO ${role}; ALTER TABLE alembic_version OWNER TO ${role}`,
    );
    const as = (name: string) => {
      const url = new URL(target.url);
      [url.username, url.password] = [name, "x"];
      return url.href;
    };
    target.stepUrl = as(role);
    const unit = new WriterUnit(as("rollout_test_app"));
    await unit.start();
    return new StoppedTarget(target, role, unit);
  }

  /** What a step's own process has logged. */
  readonly logged: string[] = [];

  untilLogged = async (what: RegExp) => {
    while (!what.test(this.logged.join(""))) await sleep(20);
  };

  untilRuns = async (statement: string) => {
    const sql =
      "SELECT FROM pg_stat_activity WHERE query LIKE $1 AND state = 'active' AND pid <> pg_backend_pid()";
    while ((await this.target.admin.query(sql, [statement])).rows.length === 0) await sleep(20);
  };

  /** A command that runs this SQL as the migrator, in one transaction. */
  upgrade(
    sql: string,
    { before = "", after = "" } = {},
  ): NonNullable<MigrationSpec["maintenance"]>["upgrade"] {
    const script = join(this.unit.folder, "upgrade.sql");
    writeFileSync(script, sql);
    const psql = `psql -X -q -1 -v ON_ERROR_STOP=1 -d "$APP_DATABASE" -f "$0"`;
    return {
      ...{ command: ["sh", "-c", `${before} ${psql} ${after}`, script], cwd: ".", timeoutSeconds: 60 },
      variable: "APP_DATABASE",
    };
  }

  spec(changed: Partial<NonNullable<MigrationSpec["maintenance"]>> = {}): MigrationSpec {
    return {
      ...this.target.spec({}, { strategy: "maintenance" }),
      maintenance: {
        ...{
          stop: this.unit.command("stop"),
          start: this.unit.command("start"),
          timeoutSeconds: 20,
          inherit: [],
        },
        ...{ flagFile: this.unit.flagFile, ...changed },
      },
    };
  }

  #plain = ({ maintenance: _, hosts: __, release: ___, ...plain }: MigrationSpec) => plain;

  async forward(spec = this.spec()) {
    await this.target.apply(expand, this.#plain(spec));
    const result = await this.target.apply(migration, spec);
    await this.target.apply(constraint, this.#plain(spec));
    return result;
  }

  async back(spec = this.spec()) {
    await this.target.undo(constraint, this.#plain(spec));
    const undone = await this.target.undo(migration, spec);
    await this.target.undo(expand, this.#plain(spec));
    return undone;
  }

  /** Schema and rows but for those of schema rollout, whose records hold times. */
  async snapshot() {
    const schema = await snapshotSchema(this.target.admin);
    const rows = await snapshotRows(this.target.admin);
    return {
      schema,
      rows: Object.fromEntries(Object.entries(rows).filter(([name]) => !/^rollout\./.test(name))),
    };
  }

  /** Original values by key, as the undo would give them back. */
  async journal(): Promise<string[]> {
    const { rows } = await this.target.admin.query(
      "SELECT format('%s: %s to %s', k, coalesce(raw, 'NULL'), became) AS line FROM rollout.journal, unnest(keys) k ORDER BY k",
    );
    return rows.map(({ line }) => line);
  }

  async writerRuns(): Promise<boolean> {
    const { rows } = await this.target.admin.query(
      "SELECT FROM pg_stat_activity WHERE application_name = 'test-writer' AND datname = current_database()",
    );
    return rows.length === 1;
  }

  async dispose(): Promise<void> {
    this.unit.kill();
    await this.target.admin.query(`DROP OWNED BY ${this.#role} CASCADE; DROP ROLE ${this.#role}`);
    await this.target.dispose();
  }
}
