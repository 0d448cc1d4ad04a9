import { Objects, unquoted } from "./object-closure.ts";
import type { ObjectGraph } from "./object-graph.ts";

/** Needs of each extension, by name. */
type Needs = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * What each extension of a database needs: those that its control file asks for, and those whose types, functions or
 * schema its members use, whatever the control file says. Pure.
 */
export function extensionNeeds(graph: ObjectGraph): Needs {
  const objects = new Objects(graph);
  const ownerOf = (index: number) =>
    objects.at(index).kind === "extension" ? index : objects.extensionOf(index);
  const needs = new Map<string, Set<string>>();
  for (const [object, needed] of graph.needs) {
    const [from, to] = [ownerOf(object), ownerOf(needed)];
    if (from === undefined || to === undefined || from === to) continue;
    const name = unquoted(objects.at(from).identity);
    needs.set(name, (needs.get(name) ?? new Set()).add(unquoted(objects.at(to).identity)));
  }
  return needs;
}

/** Every name after those that it needs; else by name. A circle is cut where it is met. Pure. */
export function orderExtensions<T extends { name: string }>(
  extensions: readonly T[],
  needs: readonly Needs[],
): T[] {
  const byName = new Map(
    [...extensions].sort((a, b) => (a.name < b.name ? -1 : 1)).map((one) => [one.name, one]),
  );
  const ordered = new Set<T>();
  const met = new Set<string>();
  const visit = (name: string): void => {
    const extension = byName.get(name);
    if (!extension || met.has(name)) return;
    met.add(name);
    for (const each of needs) for (const needed of [...(each.get(name) ?? [])].sort()) visit(needed);
    ordered.add(extension);
  };
  for (const name of byName.keys()) visit(name);
  return [...ordered];
}
