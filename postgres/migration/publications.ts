import type { Client } from "pg";
import { inTransaction, sqlState } from "../transaction.ts";
import type { Change } from "./change.ts";
import { quoteName, tableName } from "./change-sql.ts";
import type { MigrationOptions } from "./migration-options.ts";

/** What logical replication makes of the table and of schema rollout. */
export interface Publications {
  /** Those that carry the table's changes. */
  ofTable: string[];
  /** Those of them that carry updates, which then need a replica identity. */
  ofUpdates: string[];
  /** Those that would carry what we write into schema rollout: a subscriber without these tables stops. */
  ofRollout: string[];
  /** `pg_class.relreplident`: n(othing), d(efault), f(ull), i(ndex). */
  replicaIdentity: string;
  /** `wal_level` is logical: else nobody can subscribe. */
  active: boolean;
  /** Logical slots of this database, whoever reads them. */
  slots: number;
}

const NONE: Publications = {
  ...{ ofTable: [], ofUpdates: [], ofRollout: [], replicaIdentity: "d", active: false, slots: 0 },
};

// Asked by number, of the catalogue alone: the view pg_publication_tables gives names, and to look a name up takes rights
// on its schema; pg_get_publication_tables opens every table, and waits where somebody has locked one.
const FACTS = `
  SELECT c.relreplident AS "replicaIdentity", current_setting('wal_level') = 'logical' AS active,
         (SELECT count(*)::int FROM pg_replication_slots AS s
          WHERE s.slot_type = 'logical' AND s.database = current_database()) AS slots,
         ARRAY(SELECT p.pubname::text FROM pg_publication AS p WHERE of_table(p) ORDER BY 1) AS "ofTable",
         ARRAY(SELECT p.pubname::text FROM pg_publication AS p WHERE of_table(p) AND p.pubupdate ORDER BY 1) AS "ofUpdates",
         ARRAY(SELECT p.pubname::text FROM pg_publication AS p
               WHERE (p.pubinsert OR p.pubupdate OR p.pubdelete) AND (p.puballtables OR of_schema(p)) ORDER BY 1) AS "ofRollout"
  FROM pg_class AS c WHERE c.oid = to_regclass($1)`;

/** Publications of whole schemas came with PostgreSQL 15. */
const ofSchema = (schema: string) =>
  `EXISTS (SELECT FROM pg_publication_namespace AS m WHERE m.pnpubid = p.oid AND m.pnnspid = ${schema})`;

const LISTED = "EXISTS (SELECT FROM pg_publication_rel AS l WHERE l.prpubid = p.oid AND l.prrelid = c.oid)";

/** Reads catalogues only. */
export async function readPublications(
  client: Client,
  change: Change,
  serverVersion: number,
): Promise<Publications> {
  const schemas = serverVersion >= 150_000;
  const rollout = ofSchema("(SELECT n.oid FROM pg_namespace AS n WHERE n.nspname = 'rollout')");
  const ofTable = [
    ...["c.relpersistence = 'p' AND p.puballtables", LISTED],
    ...(schemas ? [ofSchema("c.relnamespace")] : []),
  ];
  const sql = FACTS.replaceAll("of_table(p)", `(${ofTable.join(" OR ")})`).replaceAll(
    "of_schema(p)",
    schemas ? rollout : "false",
  );
  const { rows } = await client.query<Publications>(sql, [tableName(change)]);
  return rows[0] ?? NONE;
}

/** The way past, in full: a publication FOR ALL TABLES can't be given another list. */
function otherPublication(name: string): string {
  const [old, made] = [quoteName(name), quoteName(`${name}_without_rollout`.slice(0, 63))];
  return (
    `CREATE PUBLICATION ${made} FOR TABLE … (all tables but those of schema rollout); once the subscribers have ` +
    `caught up, on each: ALTER SUBSCRIPTION … SET PUBLICATION ${made} WITH (copy_data = false); then DROP PUBLICATION ${old}`
  );
}

/** Why replication stands in the way of the change, each with its remedy. */
export function publicationBlockers(
  { ofUpdates, ofRollout, replicaIdentity, active, slots }: Publications,
  change: Change,
  { journalReplication }: Pick<MigrationOptions, "journalReplication">,
): string[] {
  const table = tableName(change);
  const first = ofRollout[0];
  return [
    ...(active && first !== undefined && journalReplication === "refuse"
      ? [
          `expected no publication that carries schema rollout too (migration.journalReplication: refuse), got ${ofRollout.join(", ")}, ` +
            `and ${slots} logical ${slots === 1 ? "slot" : "slots"}: a subscriber without its tables stops at the first row. ` +
            `${otherPublication(first)}. Where every subscriber is prepared (docs/migration.md), set it to prepared.`,
        ]
      : []),
    ...(ofUpdates.length > 0 && replicaIdentity === "n"
      ? [
          `expected a replica identity for ${table}, whose updates ${ofUpdates.join(", ")} publishes, got REPLICA IDENTITY NOTHING. ALTER TABLE ${table} REPLICA IDENTITY DEFAULT.`,
        ]
      : []),
  ];
}

/** What preview says of it. */
export function publicationNotes({ ofTable, ofRollout, active }: Publications): string[] {
  return [
    ...(ofTable.length > 0
      ? [`replicated by ${ofTable.join(", ")}: subscribers receive every changed row`]
      : []),
    ...(active && ofRollout.length > 0
      ? [`schema rollout is replicated by ${ofRollout.join(", ")}: each subscriber needs its tables`]
      : []),
  ];
}

const UPDATES = `
  SELECT p.pubname AS name FROM pg_publication p, pg_class c
  WHERE c.oid = to_regclass($1) AND p.pubupdate AND (p.puballtables OR ${LISTED}) ORDER BY 1`;

/**
 * Why the server refuses every update of the table for what its publications ask of the replica identity: a row filter
 * or a column list that it does not cover, an index that is gone. The server is asked to plan one, which it does not run.
 */
export async function updateBlockers(client: Client, change: Change): Promise<string[]> {
  const table = tableName(change);
  const column = quoteName(change.column);
  const update = `EXPLAIN UPDATE ONLY ${table} SET ${column} = ${column} WHERE false`;
  try {
    await inTransaction(client, { mode: "READ ONLY" }, () => client.query(update));
    return [];
  } catch (error) {
    const state = sqlState(error);
    if (state !== "42P10" && state !== "55000") throw error;
    const names = (await client.query<{ name: string }>(UPDATES, [table])).rows.map(({ name }) => name);
    const by = names.length > 0 ? ` (publications: ${names.join(", ")})` : "";
    return [
      `expected the server to accept an UPDATE of ${table}, got SQLSTATE ${state}: its replica identity does not cover what is published of it${by}. ` +
        `ALTER TABLE ${table} REPLICA IDENTITY FULL, or take row filter and column list off the publication.`,
    ];
  }
}
