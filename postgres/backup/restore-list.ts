import { catalogueEntries } from "./dump-catalogue.ts";
import type { Manifest } from "./dump-manifest.ts";
import type { ObjectNode } from "./object-graph.ts";

/** A dump's entries in the order and parts in which a proof restores them. */
export interface RestoreList {
  /** Before the extensions, which live in schemas. */
  schemas: string[];
  rest: string[];
}

/** `<dump id>; <catalogue> <oid> <text>`: the OIDs are those of the original, 0 where an entry has none of its own. */
const ENTRY = /^\d+; (\d+) (\d+) (.*)$/;

/** Entries without an OID that belong to an object all the same, which their text names. */
const ATTACHED = [
  "TABLE ATTACH",
  "INDEX ATTACH",
  "SEQUENCE OWNED BY",
  "SEQUENCE SET",
  "SHELL TYPE",
  "STATISTICS DATA",
];

/** Name as pg_restore prints it: on one line. */
const printed = (name: string) => name.replaceAll(/[\r\n]/g, " ");

/** Tells whether an entry belongs to one of the objects. */
function belonging(nodes: readonly ObjectNode[]): (entry: string) => boolean {
  const ids = new Set(nodes.map(({ id }) => id));
  const oids = new Set(nodes.filter(({ id }) => id.startsWith("1259 ")).map(({ id }) => id.split(" ")[1]));
  const names = nodes.flatMap(({ schema, name }) =>
    schema !== null && name !== null ? [`${printed(schema)} ${printed(name)} `] : [],
  );
  return (entry) => {
    const [, catalogue, oid, text = ""] = ENTRY.exec(entry) ?? [];
    if (ids.has(`${catalogue} ${oid}`)) return true;
    // Data of a table, state of a sequence, rows of a materialised view.
    if (catalogue === "0" && oid !== "0") return oids.has(oid);
    const kind = ATTACHED.find((each) => text.startsWith(`${each} `));
    return kind !== undefined && names.some((name) => `${text} `.startsWith(`${kind} ${name}`));
  };
}

/** Sorts the catalogue of a dump (`pg_restore --list`) for a restore without what is left out. Pure. */
export function planRestore(
  catalogue: string,
  { extensionTables }: Manifest,
  leftOut: readonly ObjectNode[],
): RestoreList {
  const configuration = extensionTables.map((name) => `TABLE DATA ${name.replace(".", " ")} `);
  const isLeft = belonging(leftOut);
  const list: RestoreList = { schemas: [], rest: [] };
  for (const entry of catalogueEntries(catalogue)) {
    const text = ENTRY.exec(entry)?.[3] ?? "";
    // A mapping has neither an OID nor any use without its server, which only a superuser can make.
    if (/^(EXTENSION|USER MAPPING) /.test(text) || isLeft(entry)) continue;
    if (text.startsWith("SCHEMA ")) list.schemas.push(entry);
    else if (!configuration.some((start) => text.startsWith(start))) list.rest.push(entry);
  }
  return list;
}
