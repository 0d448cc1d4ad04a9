import type { Client } from "pg";
import { StepError } from "../../errors/step-error.ts";
import type { Lease } from "../../steps/step.ts";
import { withTableLock } from "../lock-retry.ts";
import { refuseStrangers, rolloutSchemaState } from "../rollout-schema.ts";
import { inDiscardedTransaction, inTransaction, type Settings, setLocal } from "../transaction.ts";
import type { AppTriggerMode } from "./app-triggers.ts";
import type { Change } from "./change.ts";
import { type ChangeRecord, changeTables, readChangeRecord } from "./change-record.ts";
import { quoteName, subjectOf, tableName } from "./change-sql.ts";
import { readContract } from "./contract-record.ts";
import type { RowCounts } from "./counts.ts";
import { describeRefusal, diagnose, type Refusal } from "./refusal.ts";
import { RESTORE_TRIGGERS } from "./restore-triggers.ts";
import type { TargetFacts } from "./target-facts.ts";
import { tryTriggers } from "./trigger-trial.ts";
import {
  changedFunctions,
  dropNormaliserStatement,
  dropTriggerStatements,
  functionStatements,
  NORMALISER,
  readTriggers,
  triggerStatements,
} from "./triggers.ts";
import { brokenProbes, type ProbeResults, probeWriters, readWritingRoles } from "./write-probe.ts";

/** What every operation on the table needs from outside. */
export interface TableWork {
  client: Client;
  change: Change;
  stack: string;
  lockTimeoutMs: number;
  appTriggers: AppTriggerMode;
  lease: Lease | undefined;
  signal: AbortSignal;
  log(line: string): void;
}

function ownerRoleStatements({ ownerRole: { name, exists }, appTriggers }: TargetFacts): string {
  const role = quoteName(name);
  // Without INHERIT the functions could be given to it, but no trigger could be made that calls them.
  const inherit = appTriggers.serverVersion >= 160_000 ? " WITH INHERIT TRUE, SET TRUE" : "";
  return `
    ${exists ? "" : `CREATE ROLE ${role} NOLOGIN;`}
    ${
      exists
        ? ""
        : `DO $do$ BEGIN IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
      THEN GRANT ${role} TO CURRENT_USER${inherit}; END IF; END $do$;`
    }
    GRANT USAGE, CREATE ON SCHEMA rollout TO ${role};
    GRANT SELECT, INSERT, DELETE ON rollout.proposed TO ${role};
    GRANT INSERT ON rollout.event TO ${role};
    GRANT USAGE ON SEQUENCE rollout.event_order TO ${role};`;
}

/** Tables, role and functions in schema rollout: nothing that the application could notice. */
async function prepareSchema(work: TableWork, facts: TargetFacts, rows: RowCounts | null): Promise<void> {
  const { client, change, stack, lease } = work;
  await inTransaction(client, { lease }, async () => {
    await client.query(changeTables(facts.key?.type ?? "text"));
    await client.query(
      `INSERT INTO rollout.change
         (id, stack, definition, key_type, owner_role, made_role, not_null_before, rows_before)
       VALUES (1, $1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (id) DO UPDATE SET definition = EXCLUDED.definition`,
      [
        stack,
        JSON.stringify(change),
        facts.key?.type,
        facts.ownerRole.name,
        !facts.ownerRole.exists,
        facts.column?.notNull,
        JSON.stringify(rows),
      ],
    );
    await client.query(ownerRoleStatements(facts) + functionStatements(change, facts.ownerRole.name));
  });
}

/** The application's statements find its tables, as its own sessions do; row security judges as for them. */
function probeSettings(change: Change): Settings {
  return {
    search_path: [change.schema, "public", "pg_catalog"],
    row_security: "on",
    lock_timeout: "50ms",
  };
}

async function probeBefore({ client, change, log }: TableWork): Promise<ProbeResults> {
  const roles = await readWritingRoles(client, change);
  const untried = roles.filter(({ canSetRole }) => !canSetRole).map(({ name }) => name);
  if (untried.length > 0) {
    log(
      `expand: no trial write as ${untried.join(", ")}: role ${client.user} is no member and can't SET ROLE`,
    );
  }
  return inDiscardedTransaction(client, { settings: probeSettings(change) }, () =>
    probeWriters(client, change, roles),
  );
}

async function placeTriggers(work: TableWork, before: ProbeResults): Promise<string[]> {
  const { client, change } = work;
  const standing = await readTriggers(client, change);
  const mode = Object.keys(standing).length === 0 ? "SHARE ROW EXCLUSIVE" : "ACCESS EXCLUSIVE";
  return withTableLock(client, { ...work, table: tableName(change), mode }, async () => {
    if (mode === "ACCESS EXCLUSIVE") await client.query(dropTriggerStatements(change));
    await client.query(triggerStatements(change));
    await client.query("UPDATE rollout.change SET triggers = $1, triggers_at = clock_timestamp()", [
      await readTriggers(client, change),
    ]);
    const { lock_timeout: _, ...settings } = probeSettings(change);
    await client.query(Object.entries(settings).map(setLocal).join("; "));
    const after = await probeWriters(client, change, await readWritingRoles(client, change));
    const broken = brokenProbes(before, after);
    if (broken.length > 0) {
      throw new StepError(
        `expand: expected the application's writes to ${subjectOf(change)} to go on, got ${broken.join("; ")}. ` +
          "No trigger was left on the table. Correct the rights or triggers that it names.",
      );
    }
    // Made with the others, so that its definition is known; contract has taken it off and owns it.
    if (await readContract(client)) await client.query(dropNormaliserStatement(change));
    return Object.keys(after).filter((trial) => after[trial] === "ok");
  });
}

/**
 * Puts normaliser and tracker on the table, or repairs them. Writers queue for `lockTimeoutMs` at most.
 * @param rows counts to remember as those before the first change.
 * @returns the trials that went through as the application's roles.
 */
export async function installTriggers(
  work: TableWork,
  facts: TargetFacts,
  rows: RowCounts | null = null,
): Promise<string[]> {
  await tryTriggers(work, facts.key?.type ?? "text");
  await prepareSchema(work, facts, rows);
  const before = await probeBefore(work);
  return placeTriggers(work, before);
}

/** Ways in which normaliser and tracker are not as expand left them; empty when they stand. */
export async function triggerDrift(
  client: Client,
  change: Change,
): Promise<{ expected: string; observed: string }[]> {
  if ((await rolloutSchemaState(client)) !== "ours") {
    return [{ expected: "schema rollout with the journal", observed: "no such schema" }];
  }
  const record = await readChangeRecord(client);
  if (!record || Object.keys(record.triggers).length === 0) {
    return [{ expected: `normaliser and tracker on ${change.table}`, observed: "none" }];
  }
  return [...(await definitionDrift(client, change, record)), ...mappingDrift(record, change)];
}

async function definitionDrift(client: Client, change: Change, record: ChangeRecord) {
  const standing = await readTriggers(client, change);
  const contracted = (await readContract(client)) !== undefined;
  const triggers = Object.entries(record.triggers)
    .filter(([name, definition]) => standing[name] !== definition && !(contracted && name === NORMALISER))
    .map(([name]) => ({
      expected: `trigger ${name} on ${change.table}`,
      observed: standing[name] === undefined ? "no trigger of that name" : disabledOrChanged(standing[name]),
    }));
  const functions = (await changedFunctions(client, record.change, record.ownerRole)).map((name) => ({
    expected: `function rollout.${name}() as expand made it`,
    observed: "missing or changed",
  }));
  return [...triggers, ...functions];
}

function disabledOrChanged(definition: string): string {
  return definition.endsWith("(not ENABLE ALWAYS)") ? "disabled or not ENABLE ALWAYS" : "another definition";
}

function mappingDrift(record: ChangeRecord, change: Change) {
  const [had, wanted] = [record.change, change].map(({ allowed, normalise: { whenNull, spellings } }) =>
    JSON.stringify([allowed.toSorted(), whenNull, Object.entries(spellings).sort()]),
  );
  return had === wanted
    ? []
    : [{ expected: "the mapping of the configuration", observed: "an earlier mapping" }];
}

/** Takes all our triggers off the table. */
export async function removeTriggers(work: TableWork): Promise<void> {
  const { client, change } = work;
  if (Object.keys(await readTriggers(client, change)).length === 0) return;
  await withTableLock(client, { ...work, table: tableName(change), mode: "ACCESS EXCLUSIVE" }, () =>
    client.query(dropTriggerStatements(change)),
  );
}

/** Takes off what only maps and restores: the tracker goes on watching the rows that are left. */
export async function removeAllButTracker(work: TableWork): Promise<void> {
  const { client, change } = work;
  const standing = Object.keys(await readTriggers(client, change));
  const ours = [NORMALISER, ...RESTORE_TRIGGERS].filter((name) => standing.includes(name));
  if (ours.length === 0) return;
  const drops = ours.map((name) => `DROP TRIGGER ${quoteName(name)} ON ${tableName(change)}`);
  await withTableLock(client, { ...work, table: tableName(change), mode: "ACCESS EXCLUSIVE" }, () =>
    client.query(drops.join("; ")),
  );
}

/**
 * Drops schema rollout with everything in it, and the role that owned its functions if expand made it.
 * @returns why that role stays, where something else stands on it by now.
 */
export async function dropRollout(
  { client, lease }: TableWork,
  { madeRole, ownerRole }: ChangeRecord,
): Promise<Refusal | undefined> {
  return inTransaction(client, { lease }, async () => {
    await refuseStrangers(client);
    await client.query("DROP SCHEMA rollout CASCADE");
    if (!madeRole) return undefined;
    await client.query("SAVEPOINT role");
    return client.query(`DROP ROLE IF EXISTS ${quoteName(ownerRole)}`).then(
      () => undefined,
      async (error: unknown) => {
        const said = diagnose(error);
        if (!said) throw error;
        await client.query("ROLLBACK TO SAVEPOINT role");
        return describeRefusal(said, []);
      },
    );
  });
}
