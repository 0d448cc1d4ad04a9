import { isPlainObject, type PropertyMap, type PropertyValue, sameValue } from "./property-value.ts";

/** How one property changed. Numbers are those of the wire format; `+1` means "and this replaces". */
export const CHANGE = { add: 0, delete: 2, update: 4 } as const;

/** Path of a changed property → kind of change. */
export type DetailedDiff = Map<string, number>;

/** `a.b[0]["odd key"]`: how the engine writes the path of a property. */
function childPath(path: string, key: string): string {
  if (/^[a-zA-Z_$][a-zA-Z0-9_$]*$/.test(key)) return path ? `${path}.${key}` : key;
  return `${path}[${JSON.stringify(key)}]`;
}

function diffValue(path: string, old: PropertyValue, now: PropertyValue, into: DetailedDiff): void {
  if (sameValue(old, now)) return;
  if (old === null) into.set(path, CHANGE.add);
  else if (now === null) into.set(path, CHANGE.delete);
  else if (Array.isArray(old) && Array.isArray(now)) {
    for (let index = 0; index < Math.max(old.length, now.length); index += 1) {
      diffValue(`${path}[${index}]`, old[index] ?? null, now[index] ?? null, into);
    }
  } else if (isPlainObject(old) && isPlainObject(now)) diffObject(path, old, now, into);
  else into.set(path, CHANGE.update);
}

function diffObject(path: string, old: PropertyMap, now: PropertyMap, into: DetailedDiff): void {
  for (const key of new Set([...Object.keys(old), ...Object.keys(now)])) {
    diffValue(childPath(path, key), old[key] ?? null, now[key] ?? null, into);
  }
}

/** Inputs that belong to the engine, not to the command. */
function isInternal(key: string): boolean {
  return key === "version" || key.startsWith("__");
}

/**
 * What changed between the old inputs and the new ones.
 * `triggers` as a whole replaces; a changed element of it is an update here, and the SDK makes the engine replace.
 * @param ignored inputs for which the state's value counts instead of the new one (`ignoreChanges`)
 */
export function diffInputs(options: {
  oldInputs: PropertyMap;
  newInputs: PropertyMap;
  state: PropertyMap;
  ignored: readonly string[];
}): DetailedDiff {
  const kept = options.ignored.filter((key) => options.state[key] !== undefined);
  const wanted = {
    ...options.newInputs,
    ...Object.fromEntries(kept.map((key) => [key, options.state[key] ?? null])),
  };
  const visible = Object.entries(wanted).filter(([key]) => !isInternal(key));
  const old = Object.entries(options.oldInputs).filter(([key]) => !isInternal(key));
  const diff: DetailedDiff = new Map();
  diffObject("", Object.fromEntries(old), Object.fromEntries(visible), diff);
  const triggers = diff.get("triggers");
  if (triggers !== undefined) diff.set("triggers", triggers + 1);
  return diff;
}
