import { html, type SafeHtml } from "@remix-run/html-template";
import { showDuration } from "../system/duration.ts";
import { badge, facts, htmlPage, linkTo, showTime, table, timeTag } from "../system/html-page.ts";
import type { ReviewModel } from "./review-model.ts";
import type { PlannedPhase } from "./schedule.ts";

/** Its evidence records, each by its number. */
const links = (names: readonly string[], { evidence }: ReviewModel) =>
  html`${names.map((name) => [linkTo(`${evidence}/${name}`, `#${Number.parseInt(name, 10)}`), " "])}`;

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
function bars({ phases }: ReviewModel): SafeHtml {
  const spans = phases.map((phase) => ({ ...phase, ...spanOf(phase) }));
  const times = spans.flatMap(({ planned, real }) => [...(planned ?? []), ...(real ?? [])]);
  if (times.length === 0) return html``;
  const range = [Math.min(...times), Math.max(...times)] as const;
  const rows = spans.map(({ phase, planned, real }) => {
    const pale =
      planned && html`<i class="planned" style="${stretch(...planned, range)}" title="planned"></i>`;
    const full = real && html`<i style="${stretch(...real, range)}" title="actual"></i>`;
    return html`\n<span>${phase}</span><span class="track">${pale}${full}</span>`;
  });
  const [from, to] = range.map((at) => showTime(new Date(at).toISOString()));
  const key = spans.some(({ planned }) => planned) ? "; pale: planned" : "";
  return html`<div class="bars">${rows}</div><p class="note">${from} to ${to} UTC${key}</p>`;
}

function timeline({ phases }: ReviewModel): SafeHtml {
  const rows = phases.map(({ phase, week, plannedHours, plannedOn, actual }) => [
    phase,
    html`week ${week}, ${plannedHours}&nbsp;h${plannedOn && html`<br>${timeTag(plannedOn)}`}`,
    ...(actual
      ? [
          timeTag(actual.beganAt),
          timeTag(actual.endedAt),
          showDuration(actual.applySeconds),
          ...[actual.repeats, actual.failures, actual.undos],
        ]
      : [badge("not begun"), "", "", "", "", ""]),
  ]);
  const head = ["phase", "planned", "from (UTC)", "to (UTC)", "run time", "run again", "failed", "undone"];
  return table(head, rows);
}

function criteria(model: ReviewModel): SafeHtml {
  const tones = { met: "good", "not met": "bad", open: "plain" } as const;
  const rows = model.criteria.map(({ title, status, seen, records }) => [
    badge(status, tones[status]),
    title,
    html`${seen} ${links(records, model)}`,
  ]);
  return table(["status", "criterion", "what the evidence says"], rows);
}

function incidents(model: ReviewModel): SafeHtml {
  if (model.incidents.length === 0) return html`<p>None.</p>`;
  const rows = model.incidents.map(({ at, kind, what, records }) => [
    timeTag(at),
    badge(kind, ["failed", "killed", "cancelled"].includes(kind) ? "bad" : "plain"),
    what,
    links(records, model),
  ]);
  return table(["when (UTC)", "kind", "what", "records"], rows);
}

function approvals(model: ReviewModel): SafeHtml {
  if (model.approvals.length === 0) return html`<p>Nothing was ticked.</p>`;
  const rows = model.approvals.map(({ at, who, what, record }) => [
    ...[timeTag(at), who, what, links([record], model)],
  ]);
  return table(["when (UTC)", "who", "what", "record"], rows);
}

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
  const body = html`<h1>${title}</h1>
<p class="lead">Made from the evidence. All times are UTC.</p>
${facts({
  environment,
  from: showTime(from),
  to: showTime(to),
  evidence: `${records} records`,
  "success criteria met": `${met} of ${model.criteria.length}`,
  "incidents to talk about": model.incidents.length,
  "30-day audit": audit ? `${showTime(audit.at)}: ${audit.note}` : "not made yet",
})}
<h2>Success criteria</h2>
${criteria(model)}
<h2>Timeline, planned and actual</h2>
${bars(model)}
${timeline(model)}
<h2>Incidents</h2>
${incidents(model)}
<h2>Approved and ticked</h2>
${approvals(model)}
<h2>Lessons learned</h2>
<div class="words">${words(model.lessons)}</div>
<p class="note">Written in lessons.md, beside this page; the next up puts it in.</p>`;
  return htmlPage({ title, body });
}
