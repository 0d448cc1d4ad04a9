import { showDuration } from "../system/duration.ts";
import { showTime } from "../system/html-page.ts";
import { markdownCell as cell, markdownTable as table } from "../system/markdown-table.ts";
import type { ReviewModel } from "./review-model.ts";

const links = (names: readonly string[], { evidence }: ReviewModel) =>
  names.map((name) => `[${Number.parseInt(name, 10)}](${encodeURI(`${evidence}/${name}`)})`).join(", ");

function timeline({ phases }: ReviewModel): string[] {
  const rows = phases.map(({ phase, week, plannedHours, plannedOn, actual }) => [
    phase,
    `week ${week}${plannedOn ? ` (${plannedOn})` : ""}, ${plannedHours} h`,
    ...(actual
      ? [
          showTime(actual.beganAt),
          showTime(actual.endedAt),
          showDuration(actual.applySeconds),
          [actual.repeats, actual.failures, actual.undos].join(" / "),
        ]
      : ["not begun", "", "", ""]),
  ]);
  return table(["phase", "planned", "from (UTC)", "to (UTC)", "run time", "again / failed / undone"], rows);
}

const none = (lines: string[], count: number, text: string) => (count === 0 ? [text] : lines);

/** The page as Markdown. Pure. */
export function reviewMarkdown(model: ReviewModel): string {
  const { stack, environment, subject, records, from, to, criteria, incidents, approvals, audit, lessons } =
    model;
  const marks = { met: "x", "not met": " ", open: " " };
  const incidentRows = incidents.map(({ at, kind, what, records: names }) => [
    ...[showTime(at), kind, cell(what), links(names, model)],
  ]);
  const approvalRows = approvals.map(({ at, who, what, record }) => [
    ...[showTime(at), cell(who), cell(what), links([record], model)],
  ]);
  return `${[
    `# Post-deployment review: ${subject} on ${stack}`,
    "",
    `${environment}; ${records} evidence records, ${showTime(from)} to ${showTime(to)} UTC.`,
    "Made from the evidence by `rollout up`. Write into lessons.md: it is put in below.",
    ...["", "## Success criteria", ""],
    ...criteria.map(({ title, status, seen, records: names }) =>
      `- [${marks[status]}] **${title}**: ${status}. ${cell(seen)} ${links(names, model)}`.trimEnd(),
    ),
    ...["", `30-day audit: ${audit ? `${showTime(audit.at)} UTC, ${cell(audit.note)}` : "not made yet"}.`],
    ...["", "## Timeline, planned and actual", "", ...timeline(model)],
    ...["", "## Incidents", ""],
    ...none(table(["when (UTC)", "kind", "what", "records"], incidentRows), incidents.length, "None."),
    ...["", "## Approved and ticked", ""],
    ...none(
      table(["when (UTC)", "who", "what", "record"], approvalRows),
      approvals.length,
      "Nothing was ticked.",
    ),
    ...["", lessons.trim().replaceAll(/^#/gm, "##")],
  ].join("\n")}\n`;
}
