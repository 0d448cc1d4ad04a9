import { clip, type Finding, TOPICS, type Topic } from "./finding.ts";

const MARKS = { stop: "STOP", note: "note" } as const;

const lineOf = ({ severity, subject, finding, remedy }: Finding) =>
  `${MARKS[severity]}  ${subject}: ${finding}\n      → ${remedy}`;

const ofTopic = (findings: readonly Finding[], topic: Topic) =>
  findings
    .filter((finding) => finding.topic === topic)
    .toSorted((a, b) => (a.severity === b.severity ? 0 : a.severity === "stop" ? -1 : 1));

/** The whole review as text, by topic, what stops first. */
export function renderReview(
  findings: readonly Finding[],
  facts: readonly string[],
  takenAt: string,
): string {
  const topics = (Object.entries(TOPICS) as [Topic, string][]).flatMap(([topic, title]) => {
    const found = ofTopic(findings, topic);
    return ["", `${title} (${found.length})`, ...(found.length > 0 ? found.map(lineOf) : ["nothing found"])];
  });
  return [`Review before phase 1, ${takenAt}`, ...facts.map((fact) => `  ${fact}`), ...topics, ""].join("\n");
}

const SHOWN = 2;
const WIDTH = 160;

/** What the person who watches reads: everything that stops, and a few notes of each topic. */
export function summarise(findings: readonly Finding[], report: string): string[] {
  const topics = (Object.entries(TOPICS) as [Topic, string][]).flatMap(([topic, title]) => {
    const found = ofTopic(findings, topic);
    if (found.length === 0) return [];
    const notes = found.filter(({ severity }) => severity === "note");
    const more = notes.length - SHOWN;
    return [
      `  ${title}: ${notes.length} ${notes.length === 1 ? "note" : "notes"}`,
      ...found.filter(({ severity }) => severity === "stop").map(({ finding }) => `    STOP ${finding}`),
      ...notes.slice(0, SHOWN).map(({ subject, finding }) => `    ${clip(`${subject}: ${finding}`, WIDTH)}`),
      ...(more > 0 ? [`    … ${more} more in ${report}`] : []),
    ];
  });
  return [`review: ${findings.length} findings (${report})`, ...topics];
}
