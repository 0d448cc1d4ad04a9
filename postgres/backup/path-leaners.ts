import type { Client } from "pg";
import type { LeaveOut } from "../../config/backup-proof.ts";
import {
  type NameReference,
  type ReferenceKind,
  referencesInPlpgsql,
  referencesInSql,
} from "../sql/name-references.ts";
import { quoted } from "./dump-inventory.ts";
import { leaveOutCommand } from "./left-out.ts";
import { nameOf, Objects } from "./object-closure.ts";
import type { ObjectGraph } from "./object-graph.ts";

/** What a restore computes anew with functions of the database: expression indexes, generated columns, and so on. */
const COMPUTED = `
SELECT 'pg_class'::regclass::oid || ' ' || indexrelid AS id FROM pg_index WHERE indexprs IS NOT NULL OR indpred IS NOT NULL
UNION ALL SELECT 'pg_attrdef'::regclass::oid || ' ' || d.oid FROM pg_attrdef d
  JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum AND a.attgenerated = 's'
UNION ALL SELECT 'pg_constraint'::regclass::oid || ' ' || oid FROM pg_constraint WHERE contype = 'c' AND convalidated
UNION ALL SELECT 'pg_class'::regclass::oid || ' ' || oid FROM pg_class WHERE relkind = 'm' AND relispopulated
UNION ALL SELECT 'pg_class'::regclass::oid || ' ' || partrelid FROM pg_partitioned_table WHERE partexprs IS NOT NULL`;

/** Functions whose bodies are text that is read when they run. New-style bodies are bound already; PostgreSQL 13 has none. */
const FUNCTIONS = `
SELECT 'pg_proc'::regclass::oid || ' ' || p.oid AS id, n.nspname AS schema, p.proname AS name, l.lanname AS language,
       (pg_identify_object('pg_proc'::regclass, p.oid, 0)).identity AS identity,
       p.prosrc AS source, CASE l.lanname WHEN 'plpgsql' THEN pg_get_functiondef(p.oid) END AS definition,
       EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c LIKE 'search_path=%') AS pinned
  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE l.lanname IN ('sql', 'plpgsql') AND p.prokind = 'f' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
   AND to_jsonb(p) ->> 'prosqlbody' IS NULL`;

/** Schemas in which each name is to be found, by kind; also that of PostgreSQL itself, which needs no search_path. */
const PLACES: Record<ReferenceKind, string> = {
  // A type's name can be called like a function: a cast.
  function: `SELECT p.proname AS name, n.nspname AS schema FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
              WHERE p.proname = ANY($1)
             UNION SELECT t.typname, n.nspname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
              WHERE t.typname = ANY($1) AND n.nspname = 'pg_catalog'`,
  relation: `SELECT c.relname AS name, n.nspname AS schema FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE c.relname = ANY($1)`,
  type: `SELECT t.typname AS name, n.nspname AS schema FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
          WHERE t.typname = ANY($1)`,
  operator: `SELECT DISTINCT o.oprname AS name, n.nspname AS schema FROM pg_operator o
               JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE o.oprname = ANY($1)`,
};

interface Body {
  id: string;
  schema: string;
  name: string;
  identity: string;
  language: "sql" | "plpgsql";
  source: string;
  definition: string | null;
  pinned: boolean;
}

export interface PathLeaners {
  /** Functions that are sure to fail in a restore, each with its remedy. */
  blockers: string[];
  /** Functions that may, and those that could not be read. */
  risks: string[];
}

/** What a body names without schema and PostgreSQL itself does not have, though the database does. */
interface Leaning {
  certain: boolean;
  names: string[];
  schemas: string[];
}

async function findLeaning(client: Client, references: NameReference[]): Promise<Leaning> {
  const leaning: Leaning = { certain: false, names: [], schemas: [] };
  for (const kind of Object.keys(PLACES) as ReferenceKind[]) {
    const own = references.filter((one) => one.kind === kind && one.schema === undefined);
    if (own.length === 0) continue;
    const wanted = [own.map(({ name }) => name)];
    const { rows } = await client.query<{ name: string; schema: string }>(PLACES[kind], wanted);
    for (const { name, certain } of own) {
      const schemas = rows.filter((row) => row.name === name).map(({ schema }) => schema);
      if (schemas.length === 0 || schemas.includes("pg_catalog")) continue;
      leaning.certain ||= certain;
      leaning.names.push(`${kind} ${name}`);
      leaning.schemas.push(...schemas);
    }
  }
  return { ...leaning, names: [...new Set(leaning.names)], schemas: [...new Set(leaning.schemas)].sort() };
}

/** The functions that what is computed calls: by the catalogue, and by the bodies of those. */
class Search {
  readonly #client: Client;
  readonly #objects: Objects;
  readonly #bodies: Map<string, Body>;
  readonly #leaveOut: LeaveOut | undefined;
  /** Id of a function → position of the first computed object that runs it. */
  readonly #met = new Map<string, number>();
  readonly found: PathLeaners = { blockers: [], risks: [] };

  constructor(client: Client, objects: Objects, bodies: Body[], leaveOut: LeaveOut | undefined) {
    this.#leaveOut = leaveOut;
    this.#client = client;
    this.#objects = objects;
    this.#bodies = new Map(bodies.map((body) => [body.id, body]));
  }

  start(root: number): void {
    for (const index of this.#objects.footing(root)) this.#meet(this.#objects.at(index).id, root);
  }

  #meet(id: string, root: number): void {
    if (this.#bodies.has(id) && !this.#met.has(id)) this.#met.set(id, root);
  }

  async run(): Promise<PathLeaners> {
    // A map that grows while it is walked yields what was added.
    for (const [id, root] of this.#met) await this.#judge(this.#bodies.get(id) as Body, root);
    return this.found;
  }

  async #judge(body: Body, root: number): Promise<void> {
    if (body.pinned) return;
    const what = `${nameOf({ kind: "function", ...body })}, which a restore runs for ${nameOf(this.#objects.at(root))}`;
    let references: NameReference[];
    try {
      references = await (body.language === "sql"
        ? referencesInSql(body.source)
        : referencesInPlpgsql(body.definition ?? ""));
    } catch {
      this.found.risks.push(`not read, so not known whether it needs a search_path: ${what}`);
      return;
    }
    for (const { kind, schema, name } of references) {
      if (kind !== "function" || schema === undefined) continue;
      for (const other of this.#bodies.values())
        if (other.schema === schema && other.name === name) this.#meet(other.id, root);
    }
    const leaning = await findLeaning(this.#client, references);
    if (leaning.names.length > 0) this.#report(body, what, leaning, root);
  }

  #report(body: Body, what: string, { certain, names, schemas }: Leaning, root: number): void {
    const index = this.#objects.nodes.findIndex(({ id }) => id === body.id);
    const path = [...schemas.map(quoted), "pg_temp"].join(", ");
    const leave = `leave it out of the proof: ${leaveOutCommand("objects", nameOf(this.#objects.at(root)), this.#leaveOut)}`;
    const way =
      index >= 0 && this.#objects.extensionOf(index) !== undefined
        ? `It belongs to an extension, which a restore makes anew: ${leave}`
        : `ALTER FUNCTION ${nameOf({ kind: "function", ...body }).replace(/^function /, "")} SET search_path = ${path}; or ${leave}`;
    const text = `${what}, got ${names.join(", ")} without a schema`;
    if (certain)
      this.found.blockers.push(
        `restore-proof: expected a function that needs no search_path, for a restore has none: ${text}. ${way}.`,
      );
    else this.found.risks.push(`may fail in the restore, which has no search_path: ${text}. ${way}.`);
  }
}

/**
 * Functions that find what they call by the search_path of the session alone: a restore has none, so that an index,
 * generated column, CHECK or materialised view which calls them can't be computed. Reads bodies, runs none of them.
 * @param wish ids of what is not restored anyway, and the names by which the configuration says so.
 */
export async function findPathLeaners(
  client: Client,
  graph: ObjectGraph,
  { leftOut, leaveOut }: { leftOut: ReadonlySet<string>; leaveOut?: LeaveOut | undefined },
): Promise<PathLeaners> {
  const { rows } = await client.query<{ id: string }>(COMPUTED);
  const computed = new Set(rows.map(({ id }) => id).filter((id) => !leftOut.has(id)));
  const objects = new Objects(graph);
  const roots = objects.find(({ id }) => computed.has(id));
  if (roots.length === 0) return { blockers: [], risks: [] };
  const bodies = (await client.query<Body>(FUNCTIONS)).rows;
  const search = new Search(client, objects, bodies, leaveOut);
  for (const root of roots) search.start(root);
  return search.run();
}
