import { statfsSync } from "node:fs";
import pg from "pg";
import { StepError } from "../../errors/step-error.ts";
import { checkoutId, type SandboxPaths } from "../paths.ts";
import { APP, DATABASE, ensureRoles, notOurs, OWNER, roleUrl } from "./roles.ts";
import { readSecrets } from "./secrets.ts";
import { type SeedOptions, seed } from "./seed.ts";
import type { Server } from "./server.ts";

/** Connection strings for the seeded database. */
export interface DatabaseUrls {
  owner: string;
  app: string;
}

const UNFINISHED = `${DATABASE}_unfinished`;
/** Measured: tables, indexes and WAL of one deal with its share of the related tables, rounded up. */
const BYTES_PER_DEAL = 1_500;

/** The comment that tells roles and databases as this checkout's. */
function mark(paths: SandboxPaths): string {
  return `sandbox of deal-type-rollout, checkout ${checkoutId(paths.checkout)}`;
}

/** The sandbox's database, seeded if it isn't there. An existing one is left as it is, whatever `options` say. */
export async function ensureDatabase(
  paths: SandboxPaths,
  server: Server,
  options: SeedOptions,
  log: (line: string) => void,
): Promise<DatabaseUrls> {
  const secrets = readSecrets(paths);
  const admin = await connect(server.adminUrl);
  try {
    // Asked first: on a server where the name belongs to somebody, not even a role is made.
    const present = await exists(admin, DATABASE, foreignMark(paths, server));
    await ensureRoles(admin, secrets, mark(paths));
    if (!present) await createDatabase(paths, server, admin, options, log);
  } finally {
    await admin.end();
  }
  return {
    owner: roleUrl(server.adminUrl, OWNER, secrets.owner),
    app: roleUrl(server.adminUrl, APP, secrets.app),
  };
}

/** Drops the sandbox's database with all that is in it, and whoever is connected. */
export async function dropDatabase(paths: SandboxPaths, server: Server): Promise<void> {
  const admin = await connect(server.adminUrl);
  try {
    for (const name of [DATABASE, UNFINISHED]) {
      if (await exists(admin, name, foreignMark(paths, server)))
        await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
    }
  } finally {
    await admin.end();
  }
}

/** Seeded under another name and renamed when whole: a killed run never leaves half a seed behind. */
async function createDatabase(
  paths: SandboxPaths,
  server: Server,
  admin: pg.Client,
  options: SeedOptions,
  log: (line: string) => void,
): Promise<void> {
  requireDisk(server, options);
  log(
    `seeding ${options.deals.toLocaleString("en")} deals${options.unmapped ? ", some of them unmapped" : ""}`,
  );
  if (await exists(admin, UNFINISHED, foreignMark(paths, server)))
    await admin.query(`DROP DATABASE ${UNFINISHED} WITH (FORCE)`);
  await admin.query(`CREATE DATABASE ${UNFINISHED} OWNER ${OWNER} TEMPLATE template0 ENCODING 'UTF8'`);
  await admin.query(`COMMENT ON DATABASE ${UNFINISHED} IS ${pg.escapeLiteral(mark(paths))}`);
  await admin.query(`REVOKE CONNECT, TEMPORARY ON DATABASE ${UNFINISHED} FROM PUBLIC`);
  await admin.query(`GRANT CONNECT ON DATABASE ${UNFINISHED} TO ${APP}`);
  const owner = await connect(roleUrl(server.adminUrl, OWNER, readSecrets(paths).owner, UNFINISHED));
  try {
    await seed(owner, options, log);
  } finally {
    await owner.end();
  }
  await admin.query(`ALTER DATABASE ${UNFINISHED} RENAME TO ${DATABASE}`);
}

/** On the private server every database is ours, also one that a killed run left without its comment. */
function foreignMark(paths: SandboxPaths, server: Server): string | undefined {
  return server.folder === undefined ? mark(paths) : undefined;
}

async function exists(admin: pg.Client, name: string, expected: string | undefined): Promise<boolean> {
  const { rows } = await admin.query(
    "SELECT shobj_description(oid, 'pg_database') AS mark FROM pg_database WHERE datname = $1",
    [name],
  );
  if (rows[0] && expected !== undefined && rows[0].mark !== expected) throw notOurs("database", name);
  return rows.length > 0;
}

function requireDisk(server: Server, { deals }: SeedOptions): void {
  if (server.folder === undefined) return;
  const { bavail, bsize } = statfsSync(server.folder);
  const neededMb = Math.ceil((deals * BYTES_PER_DEAL) / 1e6);
  const freeMb = Math.floor((bavail * bsize) / 1e6);
  if (freeMb >= neededMb) return;
  throw new StepError(
    `sandbox: expected ${neededMb} MB of free disk for ${deals} deals in ${server.folder}, got ${freeMb} MB. ` +
      "Free some, or seed fewer: npx rollout sandbox up --deals 20000",
  );
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 10_000 });
  // A connection that the server ends (reset drops the database) fails its query, not this process.
  client.on("error", () => undefined);
  await client.connect();
  return client;
}
