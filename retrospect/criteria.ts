import { type Entry, foldEntries } from "../ledger/entries.ts";
import { type EvidenceRecord, recordFileName } from "../ledger/record.ts";
import { runsOf } from "../ledger/timeline.ts";
import { incidentsOf } from "./incidents.ts";

/** One of the runbook's overall success criteria, as the evidence has it. */
export interface Criterion {
  title: string;
  /** open: the evidence does not say. */
  status: "met" | "not met" | "open";
  seen: string;
  /** Names of the records that show it. */
  records: string[];
}

interface Context {
  records: readonly EvidenceRecord[];
  entries: Entry[];
  environment: string;
}

type Found = Omit<Criterion, "title">;

const nameAt = ({ records }: Context, number: number | undefined) => {
  const record = records[(number ?? 0) - 1];
  return record ? [recordFileName(record)] : [];
};

const find = ({ entries }: Context, kind: string, phase?: string) =>
  entries.filter((entry) => entry.kind === kind && (phase === undefined || entry.phase === phase));

/** Met when steps of all these kinds are done; not met where one was begun and is not; open where one never was. */
function doneOf(context: Context, wanted: readonly [kind: string, phase?: string][], seen: string): Found {
  const found = wanted.map(([kind, phase]) => ({ kind, entries: find(context, kind, phase) }));
  const missing = found.filter(({ entries }) => !entries.some(isDone));
  const records = found.flatMap(({ entries }) => nameAt(context, entries.find(isDone)?.doneNumber));
  if (missing.length === 0) return { status: "met", seen, records };
  const names = missing.map(({ kind, entries: [entry] }) => (entry ? `${kind} (${entry.state})` : kind));
  const status = missing.some(({ entries }) => entries.length > 0) ? "not met" : "open";
  return { status, seen: `not done: ${names.join(", ")}`, records };
}

const isDone = ({ state }: Entry) => state === "done";

function testsPass(context: Context): Found {
  const after = find(context, "test-suite", "validation").find(isDone);
  if (!after) return { status: "open", seen: "not run after the flag was removed", records: [] };
  const { passed, ran, failed = 0 } = after.result ?? {};
  const seen = `${passed} of ${ran} passed, ${failed} failed as known`;
  return { status: "met", seen, records: nameAt(context, after.doneNumber) };
}

/** A failed step that touched nobody is no incident of production: people decide, with the list at hand. */
function noIncidents({ records }: Context): Found {
  const incidents = incidentsOf(records).filter(({ kind }) => kind !== "done again" && kind !== "other");
  const names = incidents.flatMap((incident) => incident.records.slice(0, 1)).slice(0, 5);
  if (incidents.length === 0)
    return { status: "met", seen: "nothing failed or was rolled back", records: [] };
  return {
    ...{ status: "open", records: names },
    seen: `${incidents.length} to judge, see Incidents: did one of them reach users?`,
  };
}

function rolledBack(context: Context): Found {
  const undone = runsOf(context.records).filter(
    ({ verb, outcome, phase }) => verb === "undo" && outcome === "done" && phase !== "pre-flight",
  );
  const records = undone.slice(-3).flatMap(({ end }) => nameAt(context, end));
  if (context.environment === "production")
    return {
      status: "open",
      seen: "look at the review page of staging: its evidence is another one",
      records,
    };
  if (undone.length === 0)
    return { status: "open", seen: `nothing was ever undone on this ${context.environment}`, records };
  return { status: "met", seen: `undos done on this ${context.environment}: ${undone.length}`, records };
}

const CRITERIA: [title: string, judge: (context: Context) => Found][] = [
  ["All tests still pass after the rollout", testsPass],
  [
    "Outputs before and after match for acquisition deals (costs within the tolerance)",
    (context) => doneOf(context, [["regression"]], "compared deal by deal, no regression left"),
  ],
  [
    "Database constraints applied: NOT NULL and CHECK",
    (context) => doneOf(context, [["constraint"]], "validated, and proven by refused writes"),
  ],
  [
    "The feature flag controls the new behaviour",
    (context) =>
      doneOf(context, [["shadow-comparison"], ["smoke-test"]], "outputs compared with the flag on and off"),
  ],
  [
    "The form requires a type for new deals",
    (context) => doneOf(context, [["browser-checklist"]], "tried in a browser"),
  ],
  ["Zero production incidents during the rollout", noIncidents],
  [
    "User documentation updated and distributed",
    (context) => doneOf(context, [["documentation-check"], ["announcement"]], "checked, and users told"),
  ],
  ["Rollback tested in staging", rolledBack],
];

/** The runbook's overall success criteria, each with what the evidence says. Pure. @see runbook "Success Criteria" */
export function judgeCriteria(records: readonly EvidenceRecord[], environment: string): Criterion[] {
  const context = { records, environment, entries: [...foldEntries(records).values()] };
  return CRITERIA.map(([title, judge]) => ({ title, ...judge(context) }));
}
