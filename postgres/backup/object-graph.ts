import type { Client } from "pg";
import { z } from "zod";

const How = z.enum(["n", "a", "e", "i"]);

const Node = z.strictObject({
  /** OIDs of its catalogue and of itself, as `pg_restore --list` has them too: `1259 16385`. */
  id: z.string().regex(/^\d+ \d+$/),
  /** What PostgreSQL calls its kind: `table`, `operator class`, `table constraint`. */
  kind: z.string(),
  /** Its name with schema and arguments, quoted where it has to be. */
  identity: z.string(),
  /** Raw names of a relation or type. */
  schema: z.string().nullable(),
  name: z.string().nullable(),
  /** Why no one but a superuser can make it, in words; null when anybody can. */
  superuser: z.string().nullable(),
});
export type ObjectNode = z.infer<typeof Node>;

/** Objects of a database that users or extensions made, and what each needs. Kept in a backup as `objects.json`. */
export const ObjectGraph = z.strictObject({
  nodes: z.array(Node),
  /** `[object, what it needs, how]` as positions in `nodes`; how: `e` = member of that extension, `i` = a part of it, `a` = belongs to it, as an index to its table. */
  needs: z.array(z.tuple([z.int().min(0), z.int().min(0), How])),
});
export type ObjectGraph = z.infer<typeof ObjectGraph>;

/** File of the graph within a logical backup. */
export const OBJECTS_FILE = "objects.json";

/** Whatever came with the server itself has a lower OID: it is in every server. */
const FIRST_OWN = 16_384;

/*
 * A column's default and a valid CHECK are parts of their table or domain in a dump (`i`), though not in pg_depend.
 * A default that was split off from its table, as that of a serial column is, can't be told from here.
 */
const NEEDS = `
SELECT classid || ' ' || objid AS "from", refclassid || ' ' || refobjid AS "to",
       CASE WHEN deptype IN ('a', 'e', 'i') THEN deptype::text ELSE 'n' END AS how
  FROM pg_depend WHERE objid >= ${FIRST_OWN} AND refobjid >= ${FIRST_OWN} AND (classid, objid) <> (refclassid, refobjid)
UNION SELECT 'pg_attrdef'::regclass::oid || ' ' || oid, 'pg_class'::regclass::oid || ' ' || adrelid, 'i' FROM pg_attrdef
UNION SELECT 'pg_constraint'::regclass::oid || ' ' || oid,
             CASE conrelid WHEN 0 THEN 'pg_type'::regclass::oid || ' ' || contypid
                           ELSE 'pg_class'::regclass::oid || ' ' || conrelid END, 'i'
        FROM pg_constraint WHERE contype = 'c' AND convalidated AND oid >= ${FIRST_OWN}`;

/** Per catalogue: which of its objects only a superuser can make, and why. `member` is true for what extensions made. */
const SUPERUSER_ONLY = `
SELECT 'pg_event_trigger'::regclass AS class, oid, 'an event trigger' AS why FROM pg_event_trigger
UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, oid, 'a foreign-data wrapper' FROM pg_foreign_data_wrapper
UNION ALL SELECT 'pg_foreign_server'::regclass, oid, 'a foreign server' FROM pg_foreign_server
UNION ALL SELECT 'pg_class'::regclass, oid, 'a foreign table' FROM pg_class WHERE relkind = 'f'
UNION ALL SELECT 'pg_language'::regclass, oid, 'a language' FROM pg_language
UNION ALL SELECT 'pg_transform'::regclass, oid, 'a transform' FROM pg_transform
UNION ALL SELECT 'pg_opclass'::regclass, oid, 'an operator class' FROM pg_opclass
UNION ALL SELECT 'pg_opfamily'::regclass, oid, 'an operator family' FROM pg_opfamily
UNION ALL SELECT 'pg_am'::regclass, oid, 'an access method' FROM pg_am
UNION ALL SELECT 'pg_ts_parser'::regclass, oid, 'a text search parser' FROM pg_ts_parser
UNION ALL SELECT 'pg_ts_template'::regclass, oid, 'a text search template' FROM pg_ts_template
UNION ALL SELECT 'pg_proc'::regclass, p.oid,
    CASE WHEN p.proleakproof THEN 'LEAKPROOF' WHEN p.prosupport <> 0 THEN 'it has a support function'
         WHEN NOT l.lanpltrusted AND p.prokind <> 'a' THEN 'written in language ' || l.lanname
         WHEN p.prokind = 'a' THEN 'its state is of type internal'
         ELSE 'it sets a parameter that only superusers may set' END
  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
 WHERE p.proleakproof OR p.prosupport <> 0 OR (NOT l.lanpltrusted AND p.prokind <> 'a')
    OR EXISTS (SELECT FROM pg_aggregate a WHERE a.aggfnoid = p.oid AND 2281 IN (a.aggtranstype, a.aggmtranstype))
    OR EXISTS (SELECT FROM unnest(p.proconfig) c JOIN pg_settings s ON s.name = split_part(c, '=', 1)
                WHERE s.context = 'superuser')
UNION ALL SELECT 'pg_type'::regclass, t.oid, 'a base type' FROM pg_type t
 WHERE t.typtype = 'b' AND t.typisdefined AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)
UNION ALL SELECT 'pg_cast'::regclass, c.oid, 'a cast between types that are not its owner''s, or without a function'
  FROM pg_cast c
 WHERE c.castmethod = 'b' OR NOT EXISTS (
   SELECT FROM pg_type t WHERE t.oid IN (c.castsource, c.casttarget) AND t.oid >= ${FIRST_OWN}
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'))`;

const NODES = `
WITH needs AS (${NEEDS}),
superuser AS (
  SELECT s.class::oid || ' ' || s.oid AS id, s.why FROM (${SUPERUSER_ONLY}) s
   WHERE s.oid >= ${FIRST_OWN}
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = s.class AND d.objid = s.oid AND d.deptype = 'e')),
extensions AS (SELECT 'pg_extension'::regclass::oid || ' ' || oid AS id FROM pg_extension WHERE oid >= ${FIRST_OWN}),
ids AS (SELECT "from" AS id FROM needs UNION SELECT "to" FROM needs UNION SELECT id FROM superuser
        UNION SELECT id FROM extensions
        -- What needs nothing and is needed by nothing has a name all the same.
        UNION SELECT 'pg_proc'::regclass::oid || ' ' || oid FROM pg_proc WHERE oid >= ${FIRST_OWN}
        UNION SELECT 'pg_class'::regclass::oid || ' ' || oid FROM pg_class WHERE oid >= ${FIRST_OWN} AND relkind = 'S')
SELECT ids.id, o.type AS kind, o.identity, coalesce(rn.nspname, tn.nspname) AS schema,
       coalesce(r.relname, t.typname) AS name, s.why AS superuser
  FROM ids
  CROSS JOIN LATERAL (SELECT split_part(ids.id, ' ', 1)::oid AS class, split_part(ids.id, ' ', 2)::oid AS oid) k
  CROSS JOIN LATERAL pg_identify_object(k.class, k.oid, 0) o
  LEFT JOIN pg_class r ON k.class = 'pg_class'::regclass AND r.oid = k.oid
  LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace
  LEFT JOIN pg_type t ON k.class = 'pg_type'::regclass AND t.oid = k.oid
  LEFT JOIN pg_namespace tn ON tn.oid = t.typnamespace
  LEFT JOIN superuser s ON s.id = ids.id
 WHERE o.identity IS NOT NULL
 ORDER BY o.type, o.identity, ids.id`;

/** Reads the graph through the connection's current snapshot. Catalogue only; any role may. */
export async function readObjects(client: Client): Promise<ObjectGraph> {
  const { rows: nodes } = await client.query<ObjectNode>(NODES);
  const { rows } = await client.query<{ from: string; to: string; how: z.infer<typeof How> }>(NEEDS);
  const position = new Map(nodes.map(({ id }, index) => [id, index]));
  const needs = rows.flatMap(({ from, to, how }): ObjectGraph["needs"] => {
    const [object, needed] = [position.get(from), position.get(to)];
    return object === undefined || needed === undefined ? [] : [[object, needed, how]];
  });
  return { nodes, needs };
}
