import { catalogueEntries } from "./dump-catalogue.ts";
import type { Manifest } from "./dump-manifest.ts";

/** What a role that is no superuser can't create; none of it holds rows of ours. */
const FOR_SUPERUSERS = [
  "EVENT TRIGGER",
  "FOREIGN DATA WRAPPER",
  "SERVER",
  "USER MAPPING",
  "FOREIGN TABLE",
  "PROCEDURAL LANGUAGE",
  "TRANSFORM",
];

/** A dump's entries in the order and parts in which a proof restores them. */
export interface RestoreList {
  /** Before the extensions, which live in schemas. */
  schemas: string[];
  rest: string[];
  /** Entries that are left out on purpose, as the catalogue names them. */
  leftOut: string[];
}

const textOf = (entry: string) => entry.replace(/^\d+; \d+ \d+ /, "");

/** Sorts the catalogue of a dump (`pg_restore --list`) for a restore by an ordinary role. Pure. */
export function planRestore(catalogue: string, { extensionTables }: Manifest): RestoreList {
  const configuration = extensionTables.map((name) => name.replace(".", " "));
  const list: RestoreList = { schemas: [], rest: [], leftOut: [] };
  for (const entry of catalogueEntries(catalogue)) {
    const text = textOf(entry);
    if (text.startsWith("EXTENSION ")) continue;
    if (text.startsWith("SCHEMA ")) list.schemas.push(entry);
    else if (
      FOR_SUPERUSERS.some((kind) => text.startsWith(`${kind} `)) ||
      configuration.some((name) => text.startsWith(`TABLE DATA ${name} `))
    )
      list.leftOut.push(text);
    else list.rest.push(entry);
  }
  return list;
}
