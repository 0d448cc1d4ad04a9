import { z } from "zod";
import type { LeaveOut } from "../../config/backup-proof.ts";
import { quoteWord } from "../../system/shell-word.ts";
import { shorten } from "./dump-rights.ts";
import { type Fall, nameOf, Objects, unquoted } from "./object-closure.ts";
import type { ObjectGraph, ObjectNode } from "./object-graph.ts";

const NotProven = z.object({ object: z.string(), reason: z.string() });
/** One object that is not restored, by a name that `leaveOut.objects` takes, and why. */
export type NotProven = z.infer<typeof NotProven>;

/** What a step's result says that it left out of a restored copy; of whatever release wrote it. */
export function notProvenOf(result: object | undefined): NotProven[] {
  const { notProven, notRehearsed } = (result ?? {}) as { notProven?: unknown; notRehearsed?: unknown };
  return z.array(NotProven).safeParse(notProven ?? notRehearsed).data ?? [];
}

export interface LeaveOutRequest {
  leaveOut?: LeaveOut | undefined;
  /** The table that the rollout changes: a copy without it proves nothing. */
  keep?: { schema: string; table: string } | undefined;
  /** Extensions of which this machine has files; undefined = not known. */
  available?: ReadonlySet<string> | undefined;
  /** A copy of the server's files needs nobody's rights: all of it is there already. */
  filesCopied?: boolean;
}

/** What a restore does without. */
export interface LeaveOutPlan {
  /** Everything left out, parts and members of extensions included. */
  nodes: ObjectNode[];
  notProven: NotProven[];
  /** Reasons not to restore, complete with remedy. */
  blockers: string[];
}

/** The command that adds a name to the list as it is now, behind those that others already add. */
export const leaveOutCommand = (
  key: "extensions" | "objects",
  name: string,
  leaveOut?: LeaveOut,
  behind = 0,
): string =>
  `pulumi config set --path 'backup.proof.leaveOut.${key}[${(leaveOut?.[key].length ?? 0) + behind}]' ` +
  quoteWord(name);

/** Whether a name of the configuration means this object: with or without its kind and its arguments. */
function isMeant(node: ObjectNode, wanted: string): boolean {
  const full = nameOf(node);
  const identity = full.slice(node.kind.length + 1);
  const bare = identity.replace(/(\(.*\)| USING .*)$/, "");
  const raw = node.schema !== null && node.name !== null ? `${node.schema}.${node.name}` : bare;
  return [full, identity, node.identity, bare, `${node.kind} ${bare}`, raw].includes(wanted);
}

/** Works out what a restore does without: one object graph, one wish. */
class Planner {
  readonly #objects: Objects;
  readonly #request: LeaveOutRequest;
  readonly blockers: string[] = [];
  /** Position of each root, and the reason that is given for it. */
  readonly roots = new Map<number, string>();

  constructor(graph: ObjectGraph, request: LeaveOutRequest) {
    this.#objects = new Objects(graph);
    this.#request = request;
  }

  plan(): LeaveOutPlan {
    this.#takeWanted();
    const named = this.#objects.fall(this.roots.keys());
    const lost = this.#lostSubject(named);
    if (lost) this.blockers.push(lost);
    this.#findMissing(named);
    if (!this.#request.filesCopied) this.#takeSuperusers(named);
    const fall = this.#objects.fall(this.roots.keys());
    const nodes = [...fall.keys()].map((index) => this.#objects.at(index));
    return { nodes, notProven: this.#tell(fall), blockers: this.blockers };
  }

  #takeWanted(): void {
    const { extensions, objects } = this.#request.leaveOut ?? { extensions: [], objects: [] };
    for (const name of extensions)
      this.#take(
        "extensions",
        name,
        ({ kind, identity }) => kind === "extension" && unquoted(identity) === name,
      );
    for (const name of objects) this.#take("objects", name, (node) => isMeant(node, name));
  }

  #take(key: "extensions" | "objects", name: string, meant: (node: ObjectNode) => boolean): void {
    const found = this.#objects.find(meant);
    for (const index of found) this.roots.set(index, `named in backup.proof.leaveOut.${key}`);
    if (found.length > 0) return;
    this.blockers.push(
      `restore-proof: expected the name of something in the database for backup.proof.leaveOut.${key}, got ` +
        `${JSON.stringify(name)}. Write it as preview and proof print it, or remove it.`,
    );
  }

  /** Why the table of the change would be missing; undefined when it stays. */
  #lostSubject(fall: Fall): string | undefined {
    const { keep, filesCopied } = this.#request;
    const lost = [...fall.keys()].find((index) => {
      const { kind, schema, name } = this.#objects.at(index);
      return kind === "table" && schema === keep?.schema && name === keep?.table;
    });
    if (lost === undefined || !keep) return undefined;
    const other = filesCopied ? "" : "; or set backup.method to physical, which restores no object by itself";
    return (
      `restore-proof: expected ${keep.schema}.${keep.table}, the table of the change, in the restored copy, got it left out: ` +
      `${this.#objects.chain(fall, lost)}. Have on this machine what it needs, and take it out of backup.proof.leaveOut${other}.`
    );
  }

  #findMissing(named: Fall): void {
    const { available, leaveOut, keep, filesCopied } = this.#request;
    let added = 0;
    for (const index of available ? this.#objects.find(({ kind }) => kind === "extension") : []) {
      const name = unquoted(this.#objects.at(index).identity);
      if (available?.has(name) || named.has(index)) continue;
      const fall = this.#objects.fall([index]);
      // In copied files an extension is missed only where rows are read.
      if (filesCopied && this.#objects.tablesIn(fall).length === 0) continue;
      const falls = this.#objects.describeFall(fall);
      const way = this.#lostSubject(fall)
        ? `${keep?.schema}.${keep?.table}, the table of the change, needs it: it can't be left out`
        : `or leave it out of the proof with all that stands on it: ${leaveOutCommand("extensions", name, leaveOut, added++)}`;
      this.blockers.push(
        `restore-proof: expected extension ${name} on this machine, where the backup is restored, got none. ` +
          `${falls ? `On it stand: ${falls}. ` : ""}Install its package (Debian: apt-cache search postgresql ${name}); ${way}.`,
      );
    }
  }

  /** What only a superuser can make goes by itself where no table's rows go with it; else somebody has to say so. */
  #takeSuperusers(named: Fall): void {
    const found = this.#objects
      .find(({ superuser }) => superuser !== null)
      .filter((index) => !named.has(index))
      .map((index) => ({ index, fall: this.#objects.fall([index]) }))
      .sort((a, b) => a.fall.size - b.fall.size);
    // Tables that are left out already, or that a smaller thing is asked for: nothing more goes with what that stands on.
    const gone = new Set(this.#objects.tablesIn(named));
    const commands = { count: 0 };
    for (const { index, fall } of found) {
      const node = this.#objects.at(index);
      const tables = this.#objects.tablesIn(fall).filter((table) => !gone.has(table));
      for (const table of tables) gone.add(table);
      if (tables.length === 0) this.roots.set(index, `only a superuser can make it: ${node.superuser}`);
      else this.blockers.push(this.#refuseRows(node, fall, tables, commands));
    }
  }

  #refuseRows(node: ObjectNode, fall: Fall, tables: ObjectNode[], commands: { count: number }): string {
    const way = this.#lostSubject(fall)
      ? "The table of the change needs it, so it can't be left out: set backup.method to physical, which needs no such right"
      : `Leave it out of the proof, and the rows of ${shorten(tables.map(nameOf))} with it: ` +
        `${leaveOutCommand("objects", nameOf(node), this.#request.leaveOut, commands.count++)}; or set backup.method to physical`;
    return (
      `restore-proof: expected what an ordinary role can restore, got ${nameOf(node)}, which only a superuser can make ` +
      `(${node.superuser}); a restore never runs as one. On it stand: ${this.#objects.describeFall(fall)}. ${way}.`
    );
  }

  #tell(fall: Fall): NotProven[] {
    const objects = this.#objects;
    return [...fall.keys()].flatMap((index) => {
      const object = nameOf(objects.at(index));
      const own = this.roots.get(index);
      if (own !== undefined) return [{ object, reason: own }];
      if (!objects.isNamed(index) || objects.goesWithOwner(fall, index)) return [];
      return [{ object, reason: `needs ${nameOf(objects.reasonOf(fall, index))}` }];
    });
  }
}

/** What is left out of a restore: what the configuration names, what nobody here can make, and all that needs it. Pure. */
export const planLeaveOut = (graph: ObjectGraph, request: LeaveOutRequest): LeaveOutPlan =>
  new Planner(graph, request).plan();

/** `view public.v (needs foreign table public.feed)`. */
export const showNotProven = ({ object, reason }: NotProven): string => `${object} (${reason})`;
