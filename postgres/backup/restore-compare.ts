import type { Client } from "pg";
import { inDiscardedTransaction } from "../transaction.ts";
import { checksumLargeObjects, checksumTable, TEXT_SETTINGS } from "./dump-checksums.ts";
import { type DumpSequence, type DumpTable, type Inventory, readInventory } from "./dump-inventory.ts";
import type { Manifest } from "./dump-manifest.ts";

const nameOf = ({ schema, name }: { schema: string; name: string }) => `${schema}.${name}`;

function byName<T extends { schema: string; name: string }>(list: readonly T[]): Map<string, T> {
  return new Map(list.map((entry) => [JSON.stringify([entry.schema, entry.name]), entry]));
}

/** Objects that a copy may have, though nobody compares them. */
type LeftOut = readonly { schema: string | null; name: string | null }[];

/** Pairs what the manifest lists with what was restored; what only one side has is a difference. */
function pair<A extends { schema: string; name: string }, B extends { schema: string; name: string }>(
  kind: string,
  wanted: readonly A[],
  found: readonly B[],
  leftOut: LeftOut,
): { pairs: [A, B][]; faults: string[] } {
  const rest = byName(found);
  const pairs: [A, B][] = [];
  const faults: string[] = [];
  for (const [key, entry] of byName(wanted)) {
    const other = rest.get(key);
    if (other) pairs.push([entry, other]);
    else faults.push(`${kind} ${nameOf(entry)} is missing`);
    rest.delete(key);
  }
  for (const { schema, name } of leftOut) rest.delete(JSON.stringify([schema, name]));
  for (const extra of rest.values()) faults.push(`${kind} ${nameOf(extra)} is not in the manifest`);
  return { pairs, faults };
}

async function compareTables(
  client: Client,
  manifest: Manifest,
  found: DumpTable[],
  { signal, leftOut }: CompareOptions,
): Promise<string[]> {
  const { pairs, faults } = pair("table", manifest.tables, found, leftOut);
  for (const [wanted, table] of pairs) {
    signal.throwIfAborted();
    const sum = await checksumTable(client, table);
    if (sum.rows !== wanted.rows)
      faults.push(`table ${nameOf(wanted)} has ${sum.rows} rows, not ${wanted.rows}`);
    else if (sum.hashes.join() !== wanted.hashes.join())
      faults.push(`table ${nameOf(wanted)} has ${sum.rows} rows, but other contents`);
  }
  return faults;
}

/** A sequence may be ahead of what was noted before the dump, never behind: a value would be given out twice. */
function compareSequences(manifest: Manifest, found: DumpSequence[], leftOut: LeftOut): string[] {
  const { pairs, faults } = pair("sequence", manifest.sequences, found, leftOut);
  for (const [wanted, restored] of pairs) {
    const step = BigInt(wanted.increment) < 0n ? -1n : 1n;
    const ahead = (BigInt(restored.lastValue) - BigInt(wanted.lastValue)) * step;
    if (ahead < 0n || (ahead === 0n && wanted.isCalled && !restored.isCalled))
      faults.push(`sequence ${nameOf(wanted)} is at ${restored.lastValue}, behind ${wanted.lastValue}`);
  }
  return faults;
}

function compareExtensions(manifest: Manifest, { extensions }: Inventory): string[] {
  const found = new Set(extensions.map(({ name }) => name));
  return manifest.extensions
    .filter(({ name }) => !found.has(name))
    .map(({ name, version }) => `extension ${name} ${version} is missing`);
}

interface CompareOptions {
  signal: AbortSignal;
  /** What is in no manifest of the copy on purpose; a copy of the server's files has it all the same. */
  leftOut: LeftOut;
}

/**
 * Compares a restored database with the manifest of its backup: tables by count and both sums, sequences, large
 * objects, extensions. Returns every difference; empty = the backup holds what the database held.
 */
export function compareRestored(
  client: Client,
  manifest: Manifest,
  options: CompareOptions,
): Promise<string[]> {
  const settings = { ...TEXT_SETTINGS, statement_timeout: "0", idle_in_transaction_session_timeout: "0" };
  return inDiscardedTransaction(client, { mode: "READ ONLY", settings }, async () => {
    const inventory = await readInventory(client);
    const faults = await compareTables(client, manifest, inventory.tables, options);
    const objects = await checksumLargeObjects(client);
    if (objects.count !== manifest.largeObjects.count)
      faults.push(`there are ${objects.count} large objects, not ${manifest.largeObjects.count}`);
    else if (objects.hashes.join() !== manifest.largeObjects.hashes.join())
      faults.push(`${objects.count} large objects have other contents`);
    return [
      ...faults,
      ...compareSequences(manifest, inventory.sequences, options.leftOut),
      ...compareExtensions(manifest, inventory),
    ];
  });
}
