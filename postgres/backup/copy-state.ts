import type { Client } from "pg";
import { snapshotSchema } from "../schema-snapshot.ts";
import { readInventory } from "./dump-inventory.ts";
import type { Manifest } from "./dump-manifest.ts";
import { compareRestored } from "./restore-compare.ts";

/** What a copy has beside its rows: the schema, by kind, and where its sequences stand. */
export type CopyState = Record<string, string[]>;

/** Reads schema and sequences. Rows are compared with the manifest, which has their sums. */
export async function readCopyState(client: Client): Promise<CopyState> {
  const { sequences } = await readInventory(client);
  const stands = sequences.map(({ schema, name, lastValue, isCalled }) =>
    [`${schema}.${name}`, lastValue, isCalled].join(" "),
  );
  return { ...(await snapshotSchema(client)), sequences: stands };
}

/** What only one of two states has: `triggers: + CREATE TRIGGER …`. Empty = nobody can tell them apart. Pure. */
export function compareStates(before: CopyState, after: CopyState): string[] {
  const only = (a: CopyState, b: CopyState, sign: string) =>
    Object.entries(a).flatMap(([kind, lines]) => {
      const others = new Set(b[kind]);
      return lines.filter((line) => !others.has(line)).map((line) => `${kind}: ${sign} ${line}`);
    });
  return [...only(before, after, "-"), ...only(after, before, "+")];
}

/** The manifest without what was left out of the copy on purpose. */
export const withoutSchema = (manifest: Manifest, schema: string): Manifest => ({
  ...manifest,
  tables: manifest.tables.filter((table) => table.schema !== schema),
  sequences: manifest.sequences.filter((sequence) => sequence.schema !== schema),
});

/** Ways in which a copy differs from the one that was restored: every row of every table, schema, sequences. */
export async function compareCopy(
  client: Client,
  start: CopyState,
  manifest: Manifest,
  options: Parameters<typeof compareRestored>[2],
): Promise<string[]> {
  return [
    ...(await compareRestored(client, manifest, options)),
    ...compareStates(start, await readCopyState(client)),
  ];
}
