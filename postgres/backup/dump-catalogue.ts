import type { Inventory } from "./dump-inventory.ts";

/** Entries of a dump's table of contents, without its comment lines. */
export function catalogueEntries(text: string): string[] {
  return text.split("\n").filter((line) => /^\d+;/.test(line));
}

/** pg_restore prints line breaks within names as spaces; so does this. */
const sanitise = (name: string) => name.replaceAll(/[\r\n]/g, " ");

interface Wanted {
  kind: "TABLE DATA" | "SEQUENCE SET";
  schema: string;
  name: string;
}

/** `<dump id>; <oid> <oid> <kind> <schema> <name> <owner>`; names may hold spaces, so they are matched, not split. */
function takeEntry(entries: Set<string>, { kind, schema, name }: Wanted): boolean {
  const wanted = ` ${kind} ${sanitise(schema)} ${sanitise(name)} `;
  for (const entry of entries) {
    const text = entry.replace(/^\d+; \d+ \d+/, "");
    if (!`${text} `.startsWith(wanted)) continue;
    entries.delete(entry);
    return true;
  }
  return false;
}

/**
 * Compares the dump's table of contents with what the snapshot holds: the data of every table and the state of every
 * sequence, of the right database, no more and no less. Returns the differences; empty = they agree.
 */
export function compareCatalogue(text: string, inventory: Inventory): string[] {
  const faults: string[] = [];
  const database = /^;\s+dbname: (.*)$/m.exec(text)?.[1];
  if (database !== sanitise(inventory.server.database))
    faults.push(`it is of database ${database ?? "(unnamed)"}, not ${inventory.server.database}`);
  const listed = new Set(
    catalogueEntries(text).filter((entry) => /^\d+; \d+ \d+ (TABLE DATA|SEQUENCE SET) /.test(entry)),
  );
  const wanted: Wanted[] = [
    ...inventory.tables.map(({ schema, name }) => ({ kind: "TABLE DATA" as const, schema, name })),
    ...inventory.sequences.map(({ schema, name }) => ({ kind: "SEQUENCE SET" as const, schema, name })),
  ];
  for (const entry of wanted) {
    if (!takeEntry(listed, entry)) faults.push(`it lacks the ${entry.kind} of ${entry.schema}.${entry.name}`);
  }
  // Configuration tables of extensions are dumped where the extension asks for it.
  for (const full of inventory.extensionTables) {
    const [schema = "", ...name] = full.split(".");
    takeEntry(listed, { kind: "TABLE DATA", schema, name: name.join(".") });
  }
  for (const entry of listed) {
    if (!/ SEQUENCE SET /.test(entry)) faults.push(`it has data that the snapshot does not list: ${entry}`);
  }
  return faults;
}
