import type { Change } from "../../postgres/migration/change.ts";
import { mapValue } from "../../postgres/migration/change-sql.ts";
import type { SnapshotCursor } from "../snapshot/snapshot-cursor.ts";

const COMMA = 44;
const OPEN = 123;

const names = new Map<string, Buffer>();

/** `"deal_type":` as bytes. */
function nameOf(column: string): Buffer {
  const known = names.get(column) ?? Buffer.from(`${JSON.stringify(column)}:`);
  names.set(column, known);
  return known;
}

const same = (a: SnapshotCursor, from: number, to: number, b: SnapshotCursor, at: number, end: number) =>
  to - from === end - at && a.bytes.compare(b.bytes, at, end, from, to) === 0;

/**
 * Where the value of a field of this name begins, at or after `from`; -1 for nowhere. Within a JSON text every quote has a
 * backslash before it: after a brace or a comma it begins a name.
 */
function valueAfter(name: Buffer, { bytes, to }: SnapshotCursor, from: number): number {
  for (let at = bytes.indexOf(name, from); at >= 0 && at < to; at = bytes.indexOf(name, at + 1)) {
    if (bytes[at - 1] === COMMA || bytes[at - 1] === OPEN) return at + name.length;
  }
  return -1;
}

/** Where the text or null that begins at `from` ends; -1 for another kind of value. */
function valueEnd({ bytes }: SnapshotCursor, from: number): number {
  if (bytes[from] === 110) return from + 4;
  if (bytes[from] !== 34) return -1;
  let at = bytes.indexOf(34, from + 1);
  while (bytes[at - 1] === 92) at = bytes.indexOf(34, at + 1);
  return at + 1;
}

/** A text that ends in an escaped backslash ends later for `valueEnd` than it does: then it is no JSON, and not the same. */
function readType(cursor: SnapshotCursor, from: number, to: number): string | null | undefined {
  try {
    return JSON.parse(cursor.bytes.toString("utf8", from, to)) as string | null;
  } catch {
    return undefined;
  }
}

/**
 * Whether the answers of two lines are the same byte by byte, but for old spellings of the type that have become what they
 * mean. Most deals are told by this alone, without reading their JSON; false says only that they have to be read.
 */
export function sameButForType(earlier: SnapshotCursor, later: SnapshotCursor, change: Change): boolean {
  if (same(earlier, earlier.from, earlier.to, later, later.from, later.to)) return true;
  const name = nameOf(change.column);
  let [at, there] = [earlier.from, later.from];
  for (;;) {
    const [from, begin] = [valueAfter(name, earlier, at), valueAfter(name, later, there)];
    if (from < 0 || begin < 0) return from === begin && same(earlier, at, earlier.to, later, there, later.to);
    if (!same(earlier, at, from, later, there, begin)) return false;
    const [to, end] = [valueEnd(earlier, from), valueEnd(later, begin)];
    if (to < 0 || end < 0) return false;
    if (!same(earlier, from, to, later, begin, end)) {
      const [before, now] = [readType(earlier, from, to), readType(later, begin, end)];
      if (before === undefined || now === undefined || mapValue(change, before) !== now) return false;
    }
    [at, there] = [to, end];
  }
}
