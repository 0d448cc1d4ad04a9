import pg from "pg";
import { functionsIn } from "../../errors/server-message.ts";
import type { NamedFact } from "./target-facts.ts";

/** What the server says of a refused statement, without its message and detail, which may hold a row's content. */
export interface Diagnosis {
  code: string;
  constraint?: string | undefined;
  column?: string | undefined;
  dataType?: string | undefined;
  /** Where it was raised: function by function. */
  where?: string | undefined;
}

/** Why something stays as it is, told so that a person can do something about it. */
export interface Refusal {
  /** SQLSTATE; one of our own for what no server says. */
  code: string;
  /** Constraint, trigger or type, where the server names one. */
  obstacle: string | null;
  reason: string;
  remedy: string;
}

/** Ours: the row did not become what the update asked for. */
export const CHANGED_ON_THE_WAY = "RO001";
/** Ours: the update was let pass without an effect. */
export const SKIPPED = "RO002";

/** A restored row that is not what was restored: all of its batch has to be taken back. */
export class ChangedOnTheWay extends Error {
  override name = "ChangedOnTheWay";
  readonly code = CHANGED_ON_THE_WAY;
}

/** Lock timeout, deadlock, serialization failure: somebody else was in the way for now, as POSIX expression. */
export const IN_THE_WAY = "^(55P03|40P01|40001)$";
/** The server or this session can't go on: not a word about one row or object. */
export const GENERAL = "^(25|28|53|57|58|F0)";

/** What a refused statement says of the one thing that it was about; undefined for a fault of another kind. */
export function diagnose(error: unknown): Diagnosis | undefined {
  if (error instanceof ChangedOnTheWay) return { code: error.code };
  if (!(error instanceof pg.DatabaseError) || error.code === undefined) return undefined;
  // FATAL and PANIC end the session; whatever they say, the next statement would not be heard.
  if (error.severity !== "ERROR" || new RegExp(GENERAL).test(error.code)) return undefined;
  const { code, constraint, column, dataType, where } = error;
  return { code, constraint, column, dataType, where };
}

/** The first of the triggers whose function the server names: in no language of its messages does a name change. */
function findTrigger({ where = "" }: Diagnosis, triggers: readonly NamedFact[]): NamedFact | undefined {
  return where === "" ? undefined : triggers.find(({ detail }) => namesFunction(where, detail));
}

function namesFunction(where: string, call: string): boolean {
  const plain = where.replaceAll('"', "");
  const at = plain.indexOf(call);
  return at >= 0 && !/[\w$]/.test(plain[at - 1] ?? "");
}

type Words = (
  named: string,
  diagnosis: Diagnosis,
) => [obstacle: string | null, reason: string, remedy: string];

const CORRECT = "Correct the row, or take that off while it is tried again.";

/** By SQLSTATE; the longest prefix counts. */
const WORDS: Record<string, Words> = {
  "23514": (named, { dataType }) =>
    dataType
      ? [`${named} of domain ${dataType}`, `CHECK ${named} of domain ${dataType} refuses it`, CORRECT]
      : [named, `CHECK ${named} refuses it`, CORRECT],
  "23502": (_, { column, dataType }) => [
    `NOT NULL of ${column ?? dataType}`,
    `NOT NULL of ${column ?? `domain ${dataType}`} refuses it`,
    CORRECT,
  ],
  "23503": (named) => [named, `foreign key ${named} refuses it`, CORRECT],
  "23505": (named) => [named, `unique index ${named} refuses it: another row holds that value`, CORRECT],
  "23P01": (named) => [named, `EXCLUDE constraint ${named} refuses it`, CORRECT],
  "23": (named) => [named, `constraint ${named} refuses it`, CORRECT],
  "42501": () => [
    null,
    "the migrator has no right to it, or a row security policy refuses it",
    "Give the right back (GRANT, ALTER … OWNER) or let the policy pass the migrator.",
  ],
  "428C9": () => [null, "the column is generated now", "Make it an ordinary column again."],
  "42P01": () => [null, "there is no such table", "Bring it back under its name."],
  "42703": () => [null, "there is no such column", "Bring it back under its name."],
  "42704": () => [null, "there is no such object any more", "Bring it back under its name."],
  "428": () => [null, "the definition of the table forbids it", "Take back what was changed of the table."],
  "42": () => [
    null,
    "types or definition of the table were changed since",
    "Take back what was changed of the table.",
  ],
  "22": (_, { column }) => [
    column ?? null,
    "the original value does not fit the column as it is now",
    "Take back what was changed of the column.",
  ],
  "2BP01": () => [null, "something else depends on it", "Drop what depends on it."],
  "40": () => [null, "another session was in the way all the time", "Wait for that session, or end it."],
  "55P03": () => [null, "another session held it locked all the time", "Wait for that session, or end it."],
  "0A": () => [
    null,
    "the server can't do it on the table as it is now, e.g. under a rewrite rule",
    "Take back what was changed of the table (DROP RULE).",
  ],
  P0: (_, { where }) => {
    const raising = functionsIn(where).at(0);
    return raising === undefined
      ? [
          null,
          "a function of the database refuses it",
          "Find its trigger or event trigger, and disable it while it is tried again.",
        ]
      : [
          raising,
          `function ${raising} refuses it`,
          "Disable its trigger or event trigger while it is tried again.",
        ];
  },
  [CHANGED_ON_THE_WAY]: () => [
    null,
    "a trigger of the table changes the original value on its way in",
    "Disable that trigger while it is tried again.",
  ],
  [SKIPPED]: () => [
    null,
    "the update was let pass without an effect, by a trigger, a rule or a row security policy",
    "Disable that while it is tried again.",
  ],
};

function wordsFor(code: string): Words {
  for (let length = code.length; length > 0; length -= 1) {
    const words = WORDS[code.slice(0, length)];
    if (words) return words;
  }
  return () => [null, "the server refuses it", "Take away what stands in its way."];
}

/** @param triggers those of the application on the table, with their functions. Pure. */
export function describeRefusal(diagnosis: Diagnosis, triggers: readonly NamedFact[]): Refusal {
  const { code, constraint } = diagnosis;
  const trigger = constraint ? undefined : findTrigger(diagnosis, triggers);
  if (trigger) {
    const { name, detail } = trigger;
    return { code, obstacle: name, reason: `trigger ${name} (${detail}) refuses it`, remedy: CORRECT };
  }
  const [obstacle, reason, remedy] = wordsFor(code)(constraint ?? "", diagnosis);
  return { code, obstacle: obstacle || null, reason: reason.replaceAll("  ", " "), remedy };
}
