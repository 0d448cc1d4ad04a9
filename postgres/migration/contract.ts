import { StepError } from "../../errors/step-error.ts";
import { withTableLock } from "../lock-retry.ts";
import type { ChangeRecord } from "./change-record.ts";
import { subjectOf, tableName } from "./change-sql.ts";
import { closeContract, openContract } from "./contract-record.ts";
import type { TableWork } from "./expand.ts";
import { describeAccepted, type NegativeWrite } from "./negative-writes.ts";
import { tryOldStyleWrites } from "./old-style-trial.ts";
import {
  changedFunctions,
  dropNormaliserStatement,
  functionStatements,
  NORMALISER,
  normaliser,
  readTriggers,
  triggerStatements,
} from "./triggers.ts";

/** The normaliser cannot be made as it was: table or column are not what they were. */
export class NormaliserDiffers extends StepError {
  override name = "NormaliserDiffers";
}

function stillAccepted({ change }: TableWork, accepted: string[]): StepError {
  return new StepError(
    `contract: expected old-style writes to ${subjectOf(change)} to be refused without the normaliser, ` +
      `got: ${accepted.join("; ")}. The normaliser stays. Run \`rollout preview\`: it shows what became of the constraint.`,
  );
}

/**
 * Takes the normaliser off, and proves in the same transaction that CHECK and NOT NULL refuse what it mapped: else it
 * stays. The tracker stays, since the undo needs it; so does the function, which nothing calls any more, so that the
 * way back is one CREATE TRIGGER.
 * @param underLock looks once more when no writer is under way; what it throws rolls everything back.
 * @returns the trial writes; undefined for an empty table.
 */
export async function dropNormaliser(
  work: TableWork,
  underLock: () => Promise<void>,
): Promise<NegativeWrite[] | undefined> {
  const { client, change } = work;
  // Triggers of the application find its tables as in its own sessions.
  const settings = { search_path: [change.schema, "public", "pg_catalog"] };
  const lock = { ...work, table: tableName(change), mode: "ACCESS EXCLUSIVE" as const, settings };
  return withTableLock(client, lock, async () => {
    await underLock();
    await client.query(dropNormaliserStatement(change));
    await openContract(client);
    const trials = await tryOldStyleWrites(client, change);
    const accepted = describeAccepted(trials ?? [], change);
    if (accepted.length > 0) throw stillAccepted(work, accepted);
    return trials;
  });
}

/**
 * Puts the normaliser back just as expand made it, or nothing. Readers are not in the way, and writers wait for
 * milliseconds: unless somebody has put a trigger of that name there meanwhile, which is replaced.
 */
export async function restoreNormaliser(work: TableWork, record: ChangeRecord): Promise<void> {
  const { client } = work;
  const { change, ownerRole, triggers } = record;
  const own = normaliser(change);
  const stands = (await readTriggers(client, change))[NORMALISER] !== undefined;
  const mode = stands ? "ACCESS EXCLUSIVE" : "SHARE ROW EXCLUSIVE";
  await withTableLock(client, { ...work, table: tableName(change), mode }, async () => {
    const changed = await changedFunctions(client, change, ownerRole);
    if (changed.includes(own.function)) await client.query(functionStatements(change, ownerRole, [own]));
    if (stands) await client.query(dropNormaliserStatement(change));
    await client.query(triggerStatements(change, [own]));
    await closeContract(client);
    const made = (await readTriggers(client, change))[NORMALISER];
    if (made === triggers[NORMALISER]) return;
    throw new NormaliserDiffers(
      `contract: expected the normaliser on ${change.table} as expand made it (${triggers[NORMALISER]}), got ${made}. ` +
        "Was the table or the column renamed since? Take that back and run again.",
    );
  });
}
