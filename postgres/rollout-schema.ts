import type { Client } from "pg";
import { StepError } from "../errors/step-error.ts";
import { workingRole } from "./session-role.ts";
import { inTransaction, sqlState } from "./transaction.ts";

/** Marks the schema `rollout` as ours: a schema of that name without it is somebody else's and is left alone. */
const MARK =
  "deal-type-rollout: lease, chain head, journal of original values, tracker. Dropped by the undo.";

const CREATE = `
  CREATE SCHEMA rollout;
  REVOKE ALL ON SCHEMA rollout FROM PUBLIC;
  COMMENT ON SCHEMA rollout IS '${MARK}';
  CREATE TABLE rollout.lease (
    id integer NOT NULL CHECK (id = 1),
    token text NOT NULL,
    holder text NOT NULL,
    pid integer NOT NULL,
    backend_start timestamptz NOT NULL,
    acquired_at timestamptz NOT NULL,
    heartbeat_at timestamptz NOT NULL,
    UNIQUE (id),
    PRIMARY KEY (id, token)
  );
  CREATE TABLE rollout.chain_head (
    stack text PRIMARY KEY,
    seq bigint NOT NULL,
    hash text NOT NULL,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp()
  );`;

type SchemaState = "absent" | "ours" | "foreign";

/** Whether schema `rollout` is there and was made by this program. Reads catalogues only. */
export async function rolloutSchemaState(client: Client): Promise<SchemaState> {
  const { rows } = await client.query<{ mark: string | null }>(
    "SELECT obj_description(oid, 'pg_namespace') AS mark FROM pg_namespace WHERE nspname = 'rollout'",
  );
  if (!rows[0]) return "absent";
  return rows[0].mark === MARK ? "ours" : "foreign";
}

async function createSchema(client: Client): Promise<void> {
  try {
    await inTransaction(client, {}, () => client.query(CREATE));
  } catch (error) {
    // Another run made it in the same moment (unique violation on the catalogue, or "already exists").
    if (["23505", "42P06"].includes(sqlState(error) ?? "")) return;
    if (sqlState(error) === "42501") {
      throw new StepError(
        `lease: expected the right to create schema rollout in database ${client.database}, ` +
          `got a refusal for role ${await workingRole(client)}. GRANT CREATE ON DATABASE to it.`,
        { cause: error },
      );
    }
    throw error;
  }
}

/**
 * Creates schema `rollout` with lease and chain head unless it is there.
 * @throws {StepError} when a schema of that name belongs to somebody else, or the role may not create one.
 */
export async function ensureRolloutSchema(client: Client): Promise<void> {
  if ((await rolloutSchemaState(client)) === "absent") await createSchema(client);
  if ((await rolloutSchemaState(client)) === "foreign") {
    throw new StepError(
      `lease: expected schema rollout of database ${client.database} to be this program's own, ` +
        "got one that was made by someone else. Rename it.",
    );
  }
}

/** Everything that this program keeps in the schema. */
const OWN_TABLES = [
  ...["lease", "chain_head", "change", "journal", "event", "proposed", "kept", "refused"],
  ...["before", "contract", "maintenance"],
];

/**
 * Stops before tables of others are dropped with the schema: where a role is called rollout, its search_path
 * (`"$user", public`) puts into it what the application makes without naming a schema.
 * @throws {StepError} with the statement that takes each out.
 */
export async function refuseStrangers(client: Client): Promise<void> {
  const { rows } = await client.query<{ name: string; move: string }>(
    `SELECT c.relname AS name, format('ALTER TABLE rollout.%I SET SCHEMA public', c.relname) AS move FROM pg_class c
     WHERE c.relnamespace = 'rollout'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname <> ALL ($1)
     ORDER BY 1`,
    [OWN_TABLES],
  );
  if (rows.length === 0) return;
  throw new StepError(
    `expand: expected nothing of others in schema rollout before it is dropped, got ${rows.map(({ name }) => name).join(", ")}. ` +
      `All else is undone. ${rows.map(({ move }) => move).join("; ")} (or drop it), then run again.`,
  );
}
