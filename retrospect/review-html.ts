import { badge, escapeHtml, htmlPage, linkTo, showTime, table, timeTag } from "../ledger/html-page.ts";
import { showDuration } from "../system/duration.ts";
import type { ReviewModel } from "./review-model.ts";
import type { PlannedPhase } from "./schedule.ts";

const links = (names: readonly string[], { evidence }: ReviewModel) =>
  names.map((name) => linkTo(`${evidence}/${name}`, `#${Number.parseInt(name, 10)}`)).join(" ");

const DAY_MS = 86_400_000;

/** Where a stretch of time lies between the first and the last moment that is shown, in percent. */
function stretch(from: number, to: number, [first, last]: readonly [number, number]): string {
  const share = (at: number) => (last > first ? (100 * (at - first)) / (last - first) : 0);
  return `left: ${share(from).toFixed(2)}%; width: ${Math.max(0, share(to) - share(from)).toFixed(2)}%`;
}

function spanOf({ plannedOn, actual }: PlannedPhase) {
  const planned =
    plannedOn === undefined
      ? undefined
      : ([Date.parse(plannedOn), Date.parse(plannedOn) + 5 * DAY_MS] as const);
  const real = actual && ([Date.parse(actual.beganAt), Date.parse(actual.endedAt)] as const);
  return { planned, real };
}

/** One bar a phase: the planned week pale, what was in colour. */
function bars({ phases }: ReviewModel): string {
  const spans = phases.map(spanOf);
  const times = spans.flatMap(({ planned, real }) => [...(planned ?? []), ...(real ?? [])]);
  if (times.length === 0) return "";
  const range = [Math.min(...times), Math.max(...times)] as const;
  const rows = phases.map(({ phase }, at) => {
    const { planned, real } = spans[at] ?? {};
    const pale = planned
      ? `<i class="planned" style="${stretch(...planned, range)}" title="planned"></i>`
      : "";
    const full = real ? `<i style="${stretch(...real, range)}" title="actual"></i>` : "";
    return `<span>${escapeHtml(phase)}</span><span class="track">${pale}${full}</span>`;
  });
  const [from, to] = range.map((at) => showTime(new Date(at).toISOString()));
  return `<div class="bars">${rows.join("\n")}</div><p class="note">${from} to ${to} UTC${spans.some(({ planned }) => planned) ? "; pale: planned" : ""}</p>`;
}

function timeline({ phases }: ReviewModel): string {
  const rows = phases.map(({ phase, week, plannedHours, plannedOn, actual }) => [
    escapeHtml(phase),
    `week ${week}, ${plannedHours}&nbsp;h${plannedOn ? `<br>${timeTag(plannedOn)}` : ""}`,
    ...(actual
      ? [
          timeTag(actual.beganAt),
          timeTag(actual.endedAt),
          showDuration(actual.applySeconds),
          ...[actual.repeats, actual.failures, actual.undos].map(String),
        ]
      : [badge("not begun"), "", "", "", "", ""]),
  ]);
  const head = ["phase", "planned", "from (UTC)", "to (UTC)", "run time", "run again", "failed", "undone"];
  return table(head, rows);
}

function criteria(model: ReviewModel): string {
  const tones = { met: "good", "not met": "bad", open: "plain" } as const;
  const rows = model.criteria.map(({ title, status, seen, records }) => [
    badge(status, tones[status]),
    escapeHtml(title),
    `${escapeHtml(seen)} ${links(records, model)}`,
  ]);
  return table(["status", "criterion", "what the evidence says"], rows);
}

function incidents(model: ReviewModel): string {
  if (model.incidents.length === 0) return "<p>None.</p>";
  const rows = model.incidents.map(({ at, kind, what, records }) => [
    timeTag(at),
    badge(kind, ["failed", "killed", "cancelled"].includes(kind) ? "bad" : "plain"),
    escapeHtml(what),
    links(records, model),
  ]);
  return table(["when (UTC)", "kind", "what", "records"], rows);
}

function approvals(model: ReviewModel): string {
  if (model.approvals.length === 0) return "<p>Nothing was ticked.</p>";
  const rows = model.approvals.map(({ at, who, what, record }) => [
    ...[timeTag(at), escapeHtml(who), escapeHtml(what), links([record], model)],
  ]);
  return table(["when (UTC)", "who", "what", "record"], rows);
}

const fact = (name: string, value: string) =>
  `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`;

/** Comments of the template are no words of people. */
const words = (lessons: string) =>
  lessons
    .replaceAll(/<!--[\s\S]*?-->/g, "")
    .replace(/^#.*\n/, "")
    .trim();

/** The page as HTML. Pure. */
export function reviewHtml(model: ReviewModel): string {
  const { stack, environment, subject, records, from, to, audit } = model;
  const met = model.criteria.filter(({ status }) => status === "met").length;
  const title = `Post-deployment review: ${subject} on ${stack}`;
  const body = [
    `<h1>${escapeHtml(title)}</h1>`,
    '<p class="lead">Made from the evidence. All times are UTC.</p>',
    `<dl class="facts">${[
      fact("environment", environment),
      fact("from", showTime(from)),
      fact("to", showTime(to)),
      fact("evidence", `${records} records`),
      fact("success criteria met", `${met} of ${model.criteria.length}`),
      fact("incidents to talk about", String(model.incidents.length)),
      fact("30-day audit", audit ? `${showTime(audit.at)}: ${audit.note}` : "not made yet"),
    ].join("")}</dl>`,
    ...["<h2>Success criteria</h2>", criteria(model)],
    ...["<h2>Timeline, planned and actual</h2>", bars(model), timeline(model)],
    ...["<h2>Incidents</h2>", incidents(model)],
    ...["<h2>Approved and ticked</h2>", approvals(model)],
    "<h2>Lessons learned</h2>",
    `<div class="words">${escapeHtml(words(model.lessons))}</div>`,
    '<p class="note">Written in lessons.md, beside this page; the next up puts it in.</p>',
  ];
  return htmlPage({ title, body: body.join("\n") });
}
