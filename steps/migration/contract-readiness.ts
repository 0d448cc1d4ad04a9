import type { Client } from "pg";
import type { Change } from "../../postgres/migration/change.ts";
import { subjectOf } from "../../postgres/migration/change-sql.ts";
import { readConstraint } from "../../postgres/migration/constraint-ddl.ts";
import { type OldStyleWrites, showWriter } from "../../postgres/migration/old-style-writes.ts";
import { showDuration } from "../../system/duration.ts";
import type { ContractSpec } from "../contract.ts";

/** Without both checks nothing would refuse what the normaliser mapped until now. */
export async function constraintBlockers(client: Client, change: Change): Promise<string[]> {
  const { present, asWanted, validated, notNull } = await readConstraint(client, change);
  if (present && asWanted && validated && notNull) return [];
  return [
    `expected CHECK ${change.constraint} and NOT NULL on ${subjectOf(change)}, validated, which take the normaliser's place, ` +
      "got not both. Run `rollout up` at the phase that is done: it repairs them.",
  ];
}

const count = (writes: number, word: string) =>
  `${writes.toLocaleString("en-US")} old-style ${writes === 1 ? word : `${word}s`}`;

/** What the journal knows, in one line. Pure. */
export function showLastWrite({ last, total, watchedSince }: OldStyleWrites): string {
  if (!last) return `no old-style write since ${watchedSince ?? "the normaliser stands"}`;
  return `last old-style write ${last.lastAt} (${showWriter(last)}), ${count(total, "write")} since the normaliser stands`;
}

function quietRemedy({ recent }: OldStyleWrites, wait: string): string {
  const writers = recent
    .map((each) => `${each.writes.toLocaleString("en-US")} × ${showWriter(each)}`)
    .join(", ");
  if (writers === "") return `Wait ${wait}, then run again.`;
  return (
    `Within that time: ${writers}. Correct the code that writes them ` +
    `(keys: SELECT at, writer, raw, key FROM rollout.event WHERE kind = 'raw' ORDER BY seq DESC), wait ${wait} from its last one on, then run again.`
  );
}

/** Why it is too early; says when the last old-style write was, how many, by whom, and how long is left. Pure. */
export function quietBlockers(
  { change, quietSeconds }: Pick<ContractSpec, "change" | "quietSeconds">,
  writes: OldStyleWrites,
): string[] {
  const subject = subjectOf(change);
  if (writes.quietSeconds === null) {
    return [
      `expected the migration of ${subject} to be done, got a journal that says it is not. Run \`rollout up\` at phase 1 first.`,
    ];
  }
  const left = quietSeconds - writes.quietSeconds;
  if (left <= 0) return [];
  const wanted = showDuration(quietSeconds);
  return [
    `expected no old-style write to ${subject} for ${wanted} (contract.quietSeconds), got ${showDuration(writes.quietSeconds)}: ` +
      `${showLastWrite(writes)}; ${showDuration(Math.ceil(left))} left. ${quietRemedy(writes, wanted)}`,
  ];
}
