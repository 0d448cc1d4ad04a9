import type { Client } from "pg";

/** What keeps the connected role from dumping the whole database. Empty lists = it may. */
export interface DumpObstacles {
  /** Relations that the role may not read, `schema.name`. */
  unreadable: string[];
  /** Tables whose row security would hide rows from the role. */
  rowSecured: string[];
  /** Large objects that the role may not read, by OID. */
  largeObjects: string[];
}

// Members of extensions are not dumped; temporary tables belong to other sessions.
const DUMPED = `c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`;

const UNREADABLE = `
SELECT format('%I.%I', n.nspname, c.relname) AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'm', 'S') AND ${DUMPED}
   AND NOT (has_schema_privilege(n.oid, 'USAGE')
            AND CASE c.relkind WHEN 'S' THEN has_sequence_privilege(c.oid, 'SELECT')
                               ELSE has_table_privilege(c.oid, 'SELECT') END)
 ORDER BY 1`;

const ROW_SECURED = `
SELECT format('%I.%I', n.nspname, c.relname) AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND c.relrowsecurity AND ${DUMPED} AND row_security_active(c.oid)
 ORDER BY 1`;

// Large objects have no has_…_privilege function before PostgreSQL 18: the ACL is read as the server reads it
// (pg_read_all_data does not cover them).
const LARGE_OBJECTS = `
SELECT m.oid::text AS name FROM pg_largeobject_metadata m
 WHERE NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
   AND NOT pg_has_role(m.lomowner, 'USAGE')
   AND NOT EXISTS (SELECT FROM aclexplode(m.lomacl) a WHERE a.privilege_type = 'SELECT'
                    AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE')))
 ORDER BY m.oid LIMIT 20`;

/** Reads the catalogue for whatever the connected role could not dump. Read-only. */
export async function findDumpObstacles(client: Client): Promise<DumpObstacles> {
  const names = async (sql: string) =>
    (await client.query<{ name: string }>(sql)).rows.map(({ name }) => name);
  return {
    unreadable: await names(UNREADABLE),
    rowSecured: await names(ROW_SECURED),
    largeObjects: await names(LARGE_OBJECTS),
  };
}

/** A list for one line: the first few names and how many more there are. */
export function shorten(names: readonly string[], limit = 8): string {
  const more = names.length - limit;
  return names.slice(0, limit).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** The obstacles as complete messages with their remedies; `role` is the connected role. */
export function describeObstacles(
  obstacles: DumpObstacles,
  role: string,
): { found: string; remedy: string }[] {
  const { unreadable, rowSecured, largeObjects } = obstacles;
  const messages: { found: string; remedy: string }[] = [];
  if (unreadable.length > 0) {
    messages.push({
      found: `role ${role} may not read ${shorten(unreadable)}`,
      remedy: `As a superuser: GRANT pg_read_all_data TO "${role}" (PostgreSQL 14 or newer), or SELECT on each.`,
    });
  }
  if (rowSecured.length > 0) {
    messages.push({
      found: `row security hides rows of ${shorten(rowSecured)} from role ${role}`,
      remedy: `A backup needs all rows. As a superuser: ALTER ROLE "${role}" BYPASSRLS.`,
    });
  }
  if (largeObjects.length > 0) {
    messages.push({
      found: `role ${role} may not read large objects ${shorten(largeObjects)}`,
      remedy: `Grant SELECT on each large object to "${role}", or dump as their owner.`,
    });
  }
  return messages;
}
