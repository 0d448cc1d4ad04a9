import type { Revision, RevisionFolder } from "./alembic-folder.ts";
import type { Finding } from "./finding.ts";
import { clip } from "./finding.ts";

/** What the order is judged against. */
export interface OrderFacts {
  /** Folder as the configuration names it. */
  folder: string;
  /** migration.alembicRevision. */
  wanted: string | undefined;
  /** Rows of alembic_version; undefined when there is no such table. */
  current: string[] | undefined;
  /** True once the change has been made by us, stamp included. */
  made: boolean;
}

const SHOWN = 10;
const showIds = (ids: readonly string[]) =>
  ids
    .slice(0, SHOWN)
    .map((id) => clip(id, 60))
    .join(", ") + (ids.length > SHOWN ? ` and ${ids.length - SHOWN} more` : "");

const stop = (subject: string, finding: string, remedy: string): Finding => ({
  ...{ severity: "stop", topic: "migrations", subject, finding, remedy },
});
const note = (subject: string, finding: string, remedy: string): Finding => ({
  ...{ severity: "note", topic: "migrations", subject, finding, remedy },
});

function noRevisions(unclear: readonly string[], folder: string): Finding {
  if (unclear.length === 0)
    return stop(folder, `expected Alembic revisions in ${folder}, got none.`, "Correct review.migrations.");
  const finding = `expected Alembic revisions in ${folder}, got none that can be read (not read: ${showIds(unclear)}).`;
  return stop(folder, finding, "Write revision and down_revision as plain texts there.");
}

function judgeFiles({ revisions, unclear, gaps }: RevisionFolder, folder: string): Finding[] {
  const byId = new Map<string, Revision[]>();
  for (const revision of revisions) byId.set(revision.id, [...(byId.get(revision.id) ?? []), revision]);
  const doubled = [...byId].filter(([, files]) => files.length > 1);
  const missing = revisions.flatMap((revision) =>
    revision.parents.filter((parent) => !byId.has(parent)).map((parent) => ({ revision, parent })),
  );
  return [
    ...(revisions.length > 0 ? [] : [noRevisions(unclear, folder)]),
    ...doubled.map(([id, files]) =>
      stop(
        folder,
        `expected each revision once in ${folder}, got ${clip(id, 60)} in ${files.map(({ file }) => clip(file)).join(", ")}.`,
        "Give one of them an id of its own.",
      ),
    ),
    ...missing.map(({ revision, parent }) =>
      stop(
        clip(revision.file),
        `expected a file for ${clip(parent, 60)}, which ${clip(revision.file)} follows, got none: a link is missing.`,
        "Check out the whole folder, or correct down_revision.",
      ),
    ),
    ...unclear.map((place) =>
      note(
        clip(place),
        `not read: ${clip(place)}: its revision or down_revision is computed, so its place is not known.`,
        "Look at it by hand, or write plain texts there.",
      ),
    ),
    ...(gaps.cut || gaps.tooLarge.length + gaps.unreadable.length > 0
      ? [
          stop(
            folder,
            `expected to read all of ${folder}, got files that are too many, too large or unreadable (${showIds([...gaps.tooLarge, ...gaps.unreadable])}).`,
            "Point review.migrations at the folder of the revisions alone.",
          ),
        ]
      : []),
  ];
}

/** Revisions on a circle, or after one: those that are left when all with nothing before them are taken away. */
function findCycle(revisions: readonly Revision[]): string[] {
  const known = new Set(revisions.map(({ id }) => id));
  const before = new Map<string, number>();
  const after = new Map<string, string[]>();
  for (const { id, parents } of revisions) {
    const links = parents.filter((parent) => known.has(parent));
    before.set(id, (before.get(id) ?? 0) + links.length);
    for (const parent of links) after.set(parent, [...(after.get(parent) ?? []), id]);
  }
  const free = [...before].filter(([, count]) => count === 0).map(([id]) => id);
  for (let id = free.pop(); id !== undefined; id = free.pop()) {
    before.delete(id);
    for (const next of after.get(id) ?? []) {
      const count = (before.get(next) ?? 0) - 1;
      before.set(next, count);
      if (count === 0) free.push(next);
    }
  }
  return [...before.keys()];
}

function judgeHeads(revisions: readonly Revision[], folder: string): Finding[] {
  const followed = new Set(revisions.flatMap(({ parents }) => parents));
  const heads = revisions.filter(({ id }) => !followed.has(id)).map(({ id }) => id);
  if (heads.length <= 1) return [];
  return [
    stop(
      folder,
      `expected one head in ${folder}, got ${heads.length}: ${showIds(heads)}.`,
      "Merge them (alembic merge heads), or rebase the one that came later.",
    ),
  ];
}

/** Everything that has to be there for these revisions, themselves included. */
export function ancestorsOf(ids: readonly string[], revisions: readonly Revision[]): Set<string> {
  const byId = new Map(revisions.map((revision) => [revision.id, revision]));
  const seen = new Set<string>();
  const waiting = [...ids];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    waiting.push(...(byId.get(id)?.parents ?? []));
  }
  return seen;
}

function judgePlace(revisions: readonly Revision[], facts: OrderFacts): Finding[] {
  const { folder, wanted, current, made } = facts;
  const known = new Set(revisions.map(({ id }) => id));
  if (wanted === undefined) {
    return [
      note(
        folder,
        "migration.alembicRevision is not set, so Alembic will not know of the change.",
        "Set it to the revision that stands for this change.",
      ),
    ];
  }
  const unknown = (current ?? []).filter((id) => !known.has(id));
  return [
    ...(known.has(wanted)
      ? []
      : [
          stop(
            folder,
            `expected a file for migration.alembicRevision ${wanted} in ${folder}, got none: once it is stamped, Alembic would not find it.`,
            "Add the revision's file, or correct migration.alembicRevision.",
          ),
        ]),
    ...unknown.map((id) =>
      stop(
        "alembic_version",
        `expected a file for the database's revision ${clip(id, 60)} in ${folder}, got none.`,
        "Check out the release that the database was migrated with.",
      ),
    ),
    ...(known.has(wanted) && current && unknown.length === 0 && !made
      ? judgeDistance(revisions, wanted, current, folder)
      : []),
  ];
}

function judgeDistance(
  revisions: readonly Revision[],
  wanted: string,
  current: string[],
  folder: string,
): Finding[] {
  const there = ancestorsOf(current, revisions);
  if (there.has(wanted)) {
    const finding = `expected ${wanted} to be still to come, got alembic_version ${showIds(current)}, which has it already.`;
    return [
      stop(
        "alembic_version",
        finding,
        "Has the change been made by hand? Correct migration.alembicRevision.",
      ),
    ];
  }
  const between = [...ancestorsOf([wanted], revisions)].filter((id) => id !== wanted && !there.has(id));
  const beside = current.filter((id) => !ancestorsOf([wanted], revisions).has(id));
  const files = between.map(
    (id) => `${id} (${clip(revisions.find((entry) => entry.id === id)?.file ?? "?")})`,
  );
  return [
    ...(between.length > 0
      ? [
          stop(
            folder,
            `expected nothing between alembic_version ${showIds(current) || "(empty)"} and ${wanted}, got ${showIds(files.reverse())}: the stamp would skip it.`,
            "Run the application's own migrations up to there first, or have it follow this change.",
          ),
        ]
      : []),
    ...(beside.length > 0
      ? [
          stop(
            "alembic_version",
            `expected ${wanted} to follow the database's revision, got ${showIds(beside)} on another branch.`,
            "Rebase the revision, or merge the branches.",
          ),
        ]
      : []),
  ];
}

/** Judges the order of an application's migrations around this change. Pure. */
export function judgeOrder(found: RevisionFolder, facts: OrderFacts): Finding[] {
  const { revisions } = found;
  const broken = judgeFiles(found, facts.folder);
  if (revisions.length === 0) return broken;
  const cycle = findCycle(revisions);
  if (cycle.length > 0) {
    const finding = `expected the revisions of ${facts.folder} in an order, got a circle through ${showIds(cycle)}.`;
    return [...broken, stop(facts.folder, finding, "Correct down_revision of one of them.")];
  }
  return [...broken, ...judgeHeads(revisions, facts.folder), ...judgePlace(revisions, facts)];
}
