import { lineStart } from "../system/plain-line.ts";

/** What a finding is about, and the order in which a report tells it. */
export const TOPICS = {
  migrations: "Order of migrations",
  sql: "SQL and locks",
  target: "Target",
  code: "Reads in the code that will notice",
  statements: "Reads in the database that will notice",
} as const;
export type Topic = keyof typeof TOPICS;

/** One thing that the review found. */
export interface Finding {
  /** `stop` keeps phase 1 from beginning; `note` is for a person to judge. */
  severity: "stop" | "note";
  topic: Topic;
  /** What it was found in: a file with its line, a table, a transaction. */
  subject: string;
  finding: string;
  remedy: string;
}

/** A finding that stops, as a line of a refusal: the finding says its own subject. */
export const refusalOf = ({ finding, remedy }: Finding): string => `${finding} ${remedy}`.trim();

/** One printable line of something that others wrote: no control characters, no password of a URL, not long. */
export function clip(text: string, length = 120): string {
  return lineStart(text.replaceAll(/:\/\/[^\s/@]*@/g, "://***@"), length);
}
