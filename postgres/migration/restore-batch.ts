import type { Client } from "pg";
import { lineTurns } from "../../system/progress.ts";
import { describeHolders, lockHolders, wasInTheWay } from "../lock-retry.ts";
import { pause } from "../pause.ts";
import { inTransaction, type Settings, sqlState } from "../transaction.ts";
import { readUpdateTriggers } from "./app-triggers.ts";
import { batchSettings, triggerPath } from "./batch-settings.ts";
import { tableName } from "./change-sql.ts";
import { type Locking, lockAndJudge } from "./judge-rows.ts";
import { forgetLeftRows, type LeftRow, recordLeftRows } from "./left-record.ts";
import { type Group, readEntries, settleGroup } from "./pending-entries.ts";
import { type Diagnosis, describeRefusal, diagnose } from "./refusal.ts";
import { RESTORING } from "./restore-triggers.ts";
import { watchWrites } from "./stray-writes.ts";
import type { NamedFact } from "./target-facts.ts";
import {
  type Judged,
  type Kept,
  keptOf,
  type RestoreWork,
  STRAYED,
  type Written,
  writeOneByOne,
  writeTogether,
} from "./write-originals.ts";

/**
 * How a batch is restored. The first is what nearly always does; where the server refuses it, each row is tried for
 * itself; where not even that can be had (no right to look at the table), all of them are left.
 */
interface Course {
  locking: Locking;
  settings: Settings;
  write(client: Client, work: RestoreWork, restored: Judged[]): Promise<Written>;
}

const leaveAll = async (restored: Judged[], why: Diagnosis): Promise<Written> => ({
  done: new Map(),
  refused: new Map(restored.map(({ fate }) => [fate.key, why])),
});

/** Rows that a policy hides are found missing then; with `off`, as it is else, none of the table could be read. */
const POLICIES: Settings = { row_security: "on" };

const together: Course = { locking: "wait", settings: {}, write: writeTogether };

const oneByOne = (patient: boolean): Course => ({
  locking: patient ? "wait" : "skip",
  settings: POLICIES,
  write: (client, work, restored) => writeOneByOne(client, work, restored, { patient }),
});

const notAtAll = (why: Diagnosis): Course => ({
  locking: "none",
  settings: {},
  write: (_, __, restored) => leaveAll(restored, why),
});

async function recordKept(client: Client, kept: Kept[]): Promise<void> {
  if (kept.length === 0) return;
  await client.query(
    "INSERT INTO rollout.kept SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[])",
    [kept.map((k) => k.since), kept.map((k) => k.key), kept.map((k) => k.raw), kept.map((k) => k.reason)],
  );
}

/** Writes down what became of each entry, in the transaction that did it. */
async function recordOutcome(
  client: Client,
  pending: Group,
  { judged, written, strays }: { judged: Judged[]; written: Written; strays: Kept[] },
  triggers: readonly NamedFact[],
): Promise<void> {
  const isLeft = ({ fate }: Judged) => fate.verdict === "restore" && written.refused.has(fate.key);
  const left = judged.filter(isLeft).map(({ entry, fate }): LeftRow => {
    const refusal = describeRefusal(written.refused.get(fate.key) as Diagnosis, triggers);
    return { entry: entry.since, subject: entry.key, key: fate.key, refusal };
  });
  await recordKept(client, [...judged.flatMap((each) => keptOf(each, written)), ...strays]);
  await recordLeftRows(client, left);
  if (pending.source === "refused") {
    const settled = judged.filter((each) => !isLeft(each));
    await forgetLeftRows(
      client,
      settled.map(({ entry }) => ({ entry: entry.since, subject: entry.key })),
    );
  }
  await settleGroup(client, pending);
}

const HELD: Diagnosis = { code: "55P03" };

/** One transaction: all that is to be said of these entries is said when it has committed. @returns rows given back. */
async function runCourse(client: Client, work: RestoreWork, pending: Group, course: Course): Promise<number> {
  const path = work.fires ? triggerPath(work.change) : {};
  const settings = { ...batchSettings(work), ...path, [RESTORING]: "on", ...course.settings };
  return inTransaction(client, { lease: work.lease, settings }, async () => {
    const entries = await readEntries(client, pending);
    const { judged, held } = await lockAndJudge(client, work, entries, course.locking);
    const watched =
      work.fires && course.locking !== "none" ? await watchWrites(client, work.change) : undefined;
    const restorable = judged.filter(({ fate }) => fate.verdict === "restore");
    const written = await course.write(
      client,
      work,
      restorable.filter(({ fate }) => !held.has(fate.key)),
    );
    const found = (await watched?.(written.done.size, written.refused.size)) ?? [];
    for (const { fate } of restorable) if (held.has(fate.key)) written.refused.set(fate.key, HELD);
    const strays = found.map((key) => ({ since: 0, key, raw: null, reason: STRAYED }));
    const triggers = written.refused.size > 0 ? await readUpdateTriggers(client, work.change) : [];
    await recordOutcome(client, pending, { judged, written, strays }, triggers);
    return written.done.size;
  });
}

/** From course to course until one of them commits. @throws what is no word about the rows. */
async function restoreGroup(
  client: Client,
  work: RestoreWork,
  pending: Group,
  { patient }: { patient: boolean },
): Promise<number> {
  const first = patient ? [together, oneByOne(true)] : [oneByOne(false)];
  let why: Diagnosis | undefined;
  for (const course of first) {
    try {
      return await runCourse(client, work, pending, course);
    } catch (error) {
      why = isInTheWay(error) ? undefined : diagnose(error);
      if (!why) throw error;
    }
  }
  return runCourse(client, work, pending, notAtAll(why as Diagnosis));
}

/** A trigger may also run into a serialization failure at read committed, e.g. where it moves a row elsewhere. */
const isInTheWay = (error: unknown): boolean => wasInTheWay(error) || sqlState(error) === "40001";

/** A wait that is over by then is nobody's concern. */
const SAY_AFTER_MS = 5_000;

/**
 * Gives the rows of one group back, and writes down those that stay with the reason. Where somebody holds rows for
 * long, they are left for the end; where he holds the table, it is said who, and tried until `signal` ends it.
 * @param patientTries tries after which a row that somebody holds no longer holds up the others of its batch.
 * @returns rows given back.
 */
export async function restoreBatch(
  client: Client,
  work: RestoreWork,
  pending: Group,
  patientTries: number,
): Promise<number> {
  const isDue = lineTurns(SAY_AFTER_MS);
  for (let attempt = 1; ; attempt += 1) {
    work.signal.throwIfAborted();
    try {
      return await restoreGroup(client, work, pending, { patient: attempt <= patientTries });
    } catch (error) {
      if (!isInTheWay(error)) throw error;
    }
    if (isDue()) {
      const who = describeHolders(await lockHolders(client, tableName(work.change)));
      work.log(`waiting for ${tableName(work.change)}, held up by ${who || "nobody now"}`);
    }
    await pause(work.lockTimeoutMs * (1 + Math.random()), work.signal);
  }
}
