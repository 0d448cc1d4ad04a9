import type { Action } from "./browser-action.ts";
import type { BrowserChecklistSection } from "./browser-checklist.ts";

/** A fault between the parts of the section, by its place in it. */
export interface SectionFault {
  path: (string | number)[];
  expected: string;
  value: unknown;
}

type Flows = BrowserChecklistSection["flows"];

const PLACE = /\{(secret:)?([A-Za-z_]\w*)\}/g;

/** Puts texts in the place of names in braces; a name that is not among them stays. Pure. */
export function fillPlaces<T>(value: T, texts: Readonly<Record<string, string>>): T {
  if (typeof value === "string")
    return value.replaceAll(PLACE, (whole) => texts[whole.slice(1, -1)] ?? whole) as T;
  if (Array.isArray(value)) return value.map((part) => fillPlaces(part, texts)) as T;
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, fillPlaces(part, texts)])) as T;
}

/** The names in braces in a value, e.g. `marker` or `secret:PASSWORD`. Pure. */
export function placesIn(value: unknown): string[] {
  if (typeof value === "string") return [...value.matchAll(PLACE)].map(([whole]) => whole.slice(1, -1));
  return value !== null && typeof value === "object" ? Object.values(value).flatMap(placesIn) : [];
}

/** The actions with those of its flow in the place of each `run`. Pure. */
export function expandFlows(actions: readonly Action[], flows: Flows): Action[] {
  return actions.flatMap((action) => {
    if (action.run === undefined) return [action];
    const flow = flows.find(({ name }) => name === action.run);
    return fillPlaces(flow?.actions ?? [], action.with ?? {});
  });
}

/** Variables of our environment that the actions type into fields. Pure. */
export function secretNames({ flows, login = [], points }: BrowserChecklistSection): string[] {
  const actions = [...login, ...points.flatMap((point) => point.actions)];
  const places = placesIn(expandFlows(actions, flows));
  return [...new Set(places.filter((place) => place.startsWith("secret:")).map((place) => place.slice(7)))];
}

/** Faults between flows, names in braces and points, that no single value shows. Pure. */
export function flowFaults(section: BrowserChecklistSection): SectionFault[] {
  const { flows, login = [], points } = section;
  return [
    ...doubled("flows", flows),
    ...doubled("points", points),
    ...flows.flatMap(({ actions }, index) => nestedFaults(actions, ["flows", index, "actions"])),
    ...listFaults(login, flows, ["login"]),
    ...points.flatMap(({ actions }, index) => listFaults(actions, flows, ["points", index, "actions"])),
  ];
}

function doubled(list: "flows" | "points", entries: readonly { name: string }[]): SectionFault[] {
  return entries.flatMap(({ name }, index) =>
    entries.findIndex((other) => other.name === name) < index
      ? [{ path: [list, index, "name"], expected: "a name no other entry has", value: name }]
      : [],
  );
}

function nestedFaults(actions: readonly Action[], path: (string | number)[]): SectionFault[] {
  return actions.flatMap(({ run }, index) =>
    run === undefined
      ? []
      : [{ path: [...path, index, "run"], expected: "no flow within a flow", value: run }],
  );
}

/** Names are known from where an expected path keeps them on: so the list is read in order. */
function listFaults(actions: readonly Action[], flows: Flows, path: (string | number)[]): SectionFault[] {
  const known = new Set<string>();
  return actions.flatMap((action, index) => {
    const at = [...path, index];
    if (action.run !== undefined && !flows.some(({ name }) => name === action.run)) {
      const names = flows.map(({ name }) => name).join(", ") || "none";
      return [
        { path: [...at, "run"], expected: `the name of one of the flows (${names})`, value: action.run },
      ];
    }
    return expandFlows([action], flows).flatMap((one) => placeFaults(one, known, at));
  });
}

function placeFaults(action: Action, known: Set<string>, path: (string | number)[]): SectionFault[] {
  const used = placesIn({ ...action, ...(action.expect?.path === undefined ? {} : { expect: undefined }) });
  const unknown = used.filter((place) =>
    place.startsWith("secret:") ? action.fill === undefined : !known.has(place),
  );
  if (action.fill && placesIn(action.fill).includes("marker")) known.add("marker");
  for (const place of placesIn(action.expect?.path)) known.add(place);
  return unknown
    .filter((place) => !known.has(place))
    .map((place) => ({
      path,
      expected: place.startsWith("secret:")
        ? "secrets only in fill"
        : `names in braces that are known there (${[...known].join(", ") || "none"})`,
      value: `{${place}}`,
    }));
}
