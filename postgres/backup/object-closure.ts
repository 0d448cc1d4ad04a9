import { shorten } from "./dump-rights.ts";
import type { ObjectGraph, ObjectNode } from "./object-graph.ts";

/** Passed over by every restore. */
const UNNAMED = /^(publication|subscription|default acl|role )/;
const HIDDEN = /^"?(pg_toast|pg_temp|RI_ConstraintTrigger)/;

/** What falls with something: position of each object → position of the one that takes it along, itself for a root. */
export type Fall = ReadonlyMap<number, number>;

/** The name of an object as it is printed, and as `leaveOut.objects` takes it. */
export const nameOf = ({ kind, identity }: Pick<ObjectNode, "kind" | "identity">): string =>
  `${kind} ${identity.replaceAll("pg_catalog.", "")}`;

/** A name without the quotes that SQL wants around it. */
export const unquoted = (identity: string): string =>
  identity.startsWith('"') ? identity.slice(1, -1).replaceAll('""', '"') : identity;

/** A graph with the questions that are asked of it. */
export class Objects {
  readonly nodes: readonly ObjectNode[];
  /** Position of a member → position of its extension. */
  readonly #members: Map<number, number>;
  /** Position of a part → position of the whole, by whose name it is told. */
  readonly #parts: ReadonlyMap<number, number>;
  /** What belongs to something, as an index to its table. */
  readonly #owners: ReadonlyMap<number, number>;
  /** For each object the ones that fall with it: those that need it, and the whole of which it is a part. */
  readonly #falls: number[][];
  /** For each object what it needs itself. */
  readonly #needs: number[][];

  constructor({ nodes, needs }: ObjectGraph) {
    this.nodes = nodes;
    const pairs = (wanted: string) =>
      new Map(needs.flatMap(([object, needed, how]) => (how === wanted ? [[object, needed]] : [])));
    this.#members = pairs("e");
    this.#parts = pairs("i");
    this.#owners = pairs("a");
    for (const [part, whole] of this.#parts) {
      const extension = this.#members.get(whole);
      if (extension !== undefined) this.#members.set(part, extension);
    }
    this.#falls = nodes.map(() => []);
    this.#needs = nodes.map(() => []);
    for (const [object, needed, how] of needs) {
      this.#falls[needed]?.push(object);
      this.#needs[object]?.push(needed);
      if (how === "i") this.#falls[object]?.push(needed);
    }
  }

  at(index: number): ObjectNode {
    return this.nodes[index] as ObjectNode;
  }

  /** Positions of the objects that are meant. */
  find(meant: (node: ObjectNode) => boolean): number[] {
    return this.nodes.flatMap((node, index) => (meant(node) ? [index] : []));
  }

  /** Everything that falls with `roots`. */
  fall(roots: Iterable<number>): Fall {
    const left = new Map([...roots].map((root) => [root, root]));
    // A map that grows while it is walked yields what was added.
    for (const [object] of left) {
      for (const other of this.#falls[object] ?? []) if (!left.has(other)) left.set(other, object);
    }
    return left;
  }

  /** Everything that an object stands on, itself included. */
  footing(root: number): Set<number> {
    const all = new Set([root]);
    for (const object of all) {
      for (const needed of this.#needs[object] ?? []) all.add(needed);
      // What a view reads stands in its rule.
      for (const part of this.#falls[object] ?? [])
        if (this.#parts.get(part) === object && this.at(part).kind === "rule") all.add(part);
    }
    return all;
  }

  /** The extension that made it; undefined for what users made. */
  extensionOf(index: number): number | undefined {
    return this.#members.get(index);
  }

  /** Whether it is told by a name of its own. */
  isNamed(index: number): boolean {
    const { kind, identity } = this.at(index);
    return (
      !UNNAMED.test(kind) && !HIDDEN.test(identity) && !this.#members.has(index) && !this.#parts.has(index)
    );
  }

  /** Whether it goes without saying: what belongs to something that falls. A partition has rows of its own. */
  goesWithOwner(fall: Fall, index: number): boolean {
    const owner = this.#owners.get(index);
    return owner !== undefined && fall.has(owner) && this.at(index).kind !== "table";
  }

  /** Tables of users, the parents of partitions among them: what has rows. */
  tablesIn(fall: Fall): ObjectNode[] {
    const tables = [...fall.keys()].filter((index) => this.at(index).kind === "table" && this.isNamed(index));
    return tables.map((index) => this.at(index));
  }

  /** What falls beside the roots, for one line: tables first, for their rows are what is lost. */
  describeFall(fall: Fall): string {
    const others = [...fall].filter(
      ([index, because]) => index !== because && this.isNamed(index) && !this.goesWithOwner(fall, index),
    );
    const nodes = others.map(([index]) => this.at(index));
    const tables = nodes.filter(({ kind }) => kind === "table");
    return shorten([...tables, ...nodes.filter(({ kind }) => kind !== "table")].map(nameOf));
  }

  /** The first thing with a name on the way from an object to what makes it fall. */
  reasonOf(fall: Fall, index: number): ObjectNode {
    const because = fall.get(index) as number;
    const isRoot = fall.get(because) === because;
    return isRoot || this.isNamed(because) ? this.at(because) : this.reasonOf(fall, because);
  }

  /** `table public.places needs view public.v, which needs extension cube`. */
  chain(fall: Fall, from: number): string {
    const names = [nameOf(this.at(from))];
    for (let at = from; fall.get(at) !== at && names.length < 6; ) {
      at = fall.get(at) as number;
      if (this.isNamed(at) || fall.get(at) === at) names.push(nameOf(this.at(at)));
    }
    return names
      .map((name, place) => (place === 0 ? name : `${place === 1 ? " needs " : ", which needs "}${name}`))
      .join("");
  }
}
