import { basename } from "node:path";
import { html, type SafeHtml } from "@remix-run/html-template";
import { type EventRecord, type EvidenceRecord, recordFileName } from "../ledger/record.ts";
import { describeEvent, personOf } from "../ledger/record-text.ts";
import { runsOf, type StepRun } from "../ledger/timeline.ts";
import { showDuration } from "../system/duration.ts";
import { badge, linkTo, table, timeTag } from "../system/html-page.ts";
import { lineStart } from "../system/plain-line.ts";

/** Texts anywhere in a result. */
function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** Files that the result of a step refers to, as they are called in the archive. Pure. */
function filesOfResult(result: unknown, archived: ReadonlySet<string>): string[] {
  const candidates = textsIn(result).flatMap((text) => [
    `evidence/${text}`,
    `evidence/snapshots/${basename(text)}`,
    text.replace(/^reports\/[^/]+\//, "reports/"),
  ]);
  return [...new Set(candidates.filter((path) => archived.has(path)))].sort();
}

const tone = ({ outcome, verb }: StepRun) =>
  outcome === "done" ? (verb === "undo" ? "plain" : "good") : outcome === "running" ? "plain" : "bad";

/** Names of artifacts begin with their hash, which nobody reads. */
const shownName = (path: string) => basename(path).replace(/^[0-9a-f]{12}-/, "");

function runRow(run: StepRun, names: ReadonlyMap<number, string>, archived: ReadonlySet<string>) {
  const records = [run.begin, ...(run.end === undefined ? [] : [run.end])];
  const links = [
    ...records.map((number) => linkTo(`evidence/${names.get(number)}`, `#${number}`)),
    ...filesOfResult(run.result, archived).map((path) => linkTo(path, shownName(path))),
  ];
  const fault = run.error && html`<div class="note">${lineStart(run.error.split("\n")[0] ?? "")}</div>`;
  return [
    timeTag(run.beganAt),
    run.by,
    html`${run.phase} / ${run.step}${fault}`,
    badge(run.verb === "undo" ? `undo ${run.outcome}` : run.outcome, tone(run)),
    run.end === undefined ? "" : showDuration(run.seconds),
    html`${links.map((link, at) => [at > 0 ? " · " : "", link])}`,
  ];
}

const eventRow = (event: EventRecord) => [
  timeTag(event.at),
  personOf(event),
  describeEvent(event),
  badge("event"),
  "",
  linkTo(`evidence/${recordFileName(event)}`, `#${event.number}`),
];

/** What happened when, by whom, with what it left: every run and every event in their order. Pure. */
export function courseTable(records: readonly EvidenceRecord[], archived: ReadonlySet<string>): SafeHtml {
  const names = new Map(records.map((record) => [record.number, recordFileName(record)]));
  const rows = [
    ...runsOf(records).map((run) => ({ number: run.begin, row: runRow(run, names, archived) })),
    ...records.flatMap((record) =>
      record.record === "event" ? [{ number: record.number, row: eventRow(record) }] : [],
    ),
  ].sort((a, b) => a.number - b.number);
  const head = ["when (UTC)", "by", "what", "outcome", "took", "files"];
  return table(
    head,
    rows.map(({ row }) => row),
  );
}
