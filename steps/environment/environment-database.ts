import type { Client } from "pg";
import { describeObstacles, findDumpObstacles } from "../../postgres/backup/dump-rights.ts";
import type { Change } from "../../postgres/migration/change.ts";
import {
  measureClockSkew,
  readServerFacts,
  readTargetFacts,
  type ServerFacts,
  type TargetFacts,
} from "../../postgres/preflight-facts.ts";
import { OLDEST_SERVER } from "../../postgres/program-version.ts";
import type { CheckItem } from "./check-item.ts";

/** Order never depends on clocks, but approvals and soaks are read by people who compare them. */
const SKEW_WARNING_SECONDS = 5;

/** What the step expects of the database. */
export interface DatabaseWish {
  change: Change;
  /** Name that `current_database()` has to have. */
  database?: string | undefined;
}

export interface DatabaseCheck {
  items: CheckItem[];
  /** Absent when the database could not be asked. */
  serverVersionNumber?: number;
}

const item = (name: string, ok: boolean, found: string, expected: string, remedy: string): CheckItem =>
  ok ? { name, status: "ok", found } : { name, status: "failed", found, expected, remedy };

/** Judges the server. Pure. */
export function judgeServer(facts: ServerFacts, wish: DatabaseWish, processId: number | null): CheckItem[] {
  const writable = !facts.standby && !facts.readOnly;
  const items = [
    item(
      "server",
      facts.versionNumber >= OLDEST_SERVER,
      `PostgreSQL ${facts.version}`,
      `PostgreSQL ${OLDEST_SERVER / 10_000} or newer`,
      "Upgrade the server first.",
    ),
    item(
      "primary",
      writable,
      facts.standby ? "a standby" : facts.readOnly ? "default_transaction_read_only = on" : "writable",
      "a server that takes writes",
      "Point databaseUrl at the primary.",
    ),
    // A pooler hands out process numbers of its own: they differ from the backend's.
    item(
      "direct connection",
      processId === null || processId === facts.backendPid,
      processId === facts.backendPid ? "yes" : "a pooler such as PgBouncer in between",
      "a direct connection to the server",
      "Point databaseUrl at the server's own port.",
    ),
  ];
  if (wish.database !== undefined) {
    const right = facts.database === wish.database;
    items.push(
      item(
        "database",
        right,
        facts.database,
        wish.database,
        "Correct the database's name in databaseUrl (pulumi config set --secret databaseUrl …).",
      ),
    );
  }
  return [...items, ...describeServer(facts)];
}

function describeServer({ database, role, databaseSize, encoding, ...facts }: ServerFacts): CheckItem[] {
  const wal = `wal_level ${facts.walLevel}, max_wal_size ${facts.maxWalSize}`;
  const size = facts.walSize ? `, ${facts.walSize} on disk` : ", size on disk not visible to this role";
  return [
    { name: "size", status: "info", found: `${database}: ${databaseSize}, ${encoding}, role ${role}` },
    { name: "write-ahead log", status: "info", found: wal + size },
  ];
}

/** Judges the changed table and what the role may do with it. Pure. */
export function judgeTarget(
  facts: TargetFacts | undefined,
  change: Change,
  server: Pick<ServerFacts, "database" | "role" | "mayCreateSchema">,
): CheckItem[] {
  const table = `${change.schema}.${change.table}`;
  const wrong = `Is ${server.database} the right database? Correct databaseUrl or change in the stack config.`;
  if (!facts) return [item("table", false, `no table ${table}`, `table ${table}`, wrong)];
  const owner = `Connect as ${facts.owner}, or as a superuser: GRANT "${facts.owner}" TO "${server.role}".`;
  const create = `As a superuser: GRANT CREATE ON DATABASE "${server.database}" TO "${server.role}".`;
  const column = `${change.column} ${facts.columnType ?? "(none)"}`;
  const key = `${change.key} ${facts.keyType ?? "(none)"}${facts.keyIsPrimary ? ", primary key" : ""}`;
  const kind = facts.kind === "r" || facts.kind === "p";
  return [
    item("table", kind, kind ? table : `${table} of kind ${facts.kind}`, "an ordinary table", wrong),
    item("column", facts.columnType !== null, column, `column ${change.column} in ${table}`, wrong),
    item("key", facts.keyIsPrimary, key, `the single-column primary key of ${table}`, wrong),
    item("owner of table", facts.owns, facts.owns ? "yes" : `owned by ${facts.owner}`, "ownership", owner),
    item(
      "create schema",
      server.mayCreateSchema,
      server.mayCreateSchema ? "yes" : `role ${server.role} may not`,
      `CREATE on database ${server.database}`,
      create,
    ),
  ];
}

/** Judges how far the clocks are apart. Pure. */
export function judgeClock({
  skewSeconds,
  errorSeconds,
}: {
  skewSeconds: number;
  errorSeconds: number;
}): CheckItem {
  const found = `database ${skewSeconds >= 0 ? "+" : ""}${skewSeconds.toFixed(3)} s ± ${errorSeconds.toFixed(3)} s`;
  if (Math.abs(skewSeconds) - errorSeconds <= SKEW_WARNING_SECONDS)
    return { name: "clock", status: "ok", found };
  return {
    name: "clock",
    status: "warning",
    found,
    expected: `at most ${SKEW_WARNING_SECONDS} s apart`,
    remedy:
      "Set both clocks by NTP. The rollout goes by sequence numbers, but its times will mislead readers.",
  };
}

async function judgeDumpRights(client: Client, role: string): Promise<CheckItem[]> {
  const obstacles = describeObstacles(await findDumpObstacles(client), role);
  const expected = "a role that may read every row";
  if (obstacles.length === 0)
    return [{ name: "backup rights", status: "ok", found: "every row is readable" }];
  return obstacles.map((obstacle) => ({ name: "backup rights", status: "failed", expected, ...obstacle }));
}

/** Asks the database, in one read-only transaction that is always rolled back. */
export async function checkDatabase(
  client: Client,
  wish: DatabaseWish,
  now: () => Date,
): Promise<DatabaseCheck> {
  await client.query("BEGIN TRANSACTION READ ONLY");
  try {
    await client.query("SET LOCAL statement_timeout = '15s'");
    await client.query("SET LOCAL lock_timeout = '5s'");
    const server = await readServerFacts(client);
    // Not in the driver's types: the process number that the server named at the start.
    const processId = (client as unknown as { processID: number | null }).processID;
    const items = [
      ...judgeServer(server, wish, processId),
      ...judgeTarget(await readTargetFacts(client, wish.change), wish.change, server),
      ...(await judgeDumpRights(client, server.role)),
      judgeClock(await measureClockSkew(client, now)),
    ];
    return { items, serverVersionNumber: server.versionNumber };
  } finally {
    await client.query("ROLLBACK").catch(() => undefined);
  }
}
