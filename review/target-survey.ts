import type { Client } from "pg";
import type { Change } from "../postgres/migration/change.ts";
import { foreignChange, readChangeRecord } from "../postgres/migration/change-record.ts";
import { OWN_TRIGGER_NAME, tableName } from "../postgres/migration/change-sql.ts";
import type { MigrationOptions } from "../postgres/migration/migration-options.ts";
import { judgeRisks } from "../postgres/migration/risks.ts";
import { judgeRules } from "../postgres/migration/rule-judgement.ts";
import { type NamedFact, readTargetFacts } from "../postgres/migration/target-facts.ts";
import { judgeTarget } from "../postgres/migration/target-findings.ts";
import { readWritingRoles } from "../postgres/migration/write-probe.ts";
import { clip, type Finding } from "./finding.ts";

/** Facts that are in nobody's way, but that a DBA wants to have seen. */
const TRIGGERS = `
  SELECT t.tgname AS name, pg_get_triggerdef(t.oid) AS detail FROM pg_trigger t
  WHERE t.tgrelid = to_regclass($1) AND NOT t.tgisinternal AND t.tgname !~ '${OWN_TRIGGER_NAME}' ORDER BY 1`;

const EVENT_TRIGGERS = `
  SELECT evtname AS name, evtevent AS detail FROM pg_event_trigger WHERE evtenabled <> 'D' AND $1 <> '' ORDER BY 1`;

const FOREIGN_KEYS = `
  SELECT conrelid::regclass || '.' || conname AS name, pg_get_constraintdef(oid) AS detail
  FROM pg_constraint WHERE contype = 'f' AND confrelid = to_regclass($1) ORDER BY 1`;

const ROW_SECURITY = `
  SELECT p.polname AS name, CASE WHEN c.relrowsecurity THEN 'enabled' ELSE 'not enabled' END AS detail
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE p.polrelid = to_regclass($1) ORDER BY 1`;

const SLOTS = `
  SELECT slot_name AS name, slot_type || CASE WHEN active THEN ', active' ELSE ', inactive' END AS detail
  FROM pg_replication_slots WHERE NOT temporary AND $1 <> '' ORDER BY 1`;

const SUBSCRIPTIONS = `
  SELECT s.subname AS name, 'writes the table' AS detail
  FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid = r.srsubid WHERE r.srrelid = to_regclass($1) ORDER BY 1`;

const PREPARED = `
  SELECT gid AS name, 'since ' || to_char(prepared AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS detail
  FROM pg_prepared_xacts WHERE database = current_database() AND $1 <> '' ORDER BY prepared`;

/** Transactions of this database that hold back what VACUUM may remove, whatever they use. */
const OLD_SNAPSHOTS = `
  SELECT coalesce(nullif(application_name, ''), usename, backend_type) || ' (pid ' || pid || ')' AS name,
         round(extract(epoch FROM clock_timestamp() - xact_start)) || ' s, ' || state AS detail
  FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND $1 <> ''
    AND xact_start < clock_timestamp() - interval '1 min' ORDER BY xact_start LIMIT 5`;

/** Share of the way to a forced wraparound autovacuum at which it is told. */
const WRAPAROUND = `
  SELECT 'age of ' || c.oid::regclass AS name,
         to_char(age(c.relfrozenxid), 'FM999,999,999,999') || ' transactions of '
           || to_char(current_setting('autovacuum_freeze_max_age')::bigint, 'FM999,999,999,999') AS detail
  FROM pg_class c WHERE c.oid = to_regclass($1)
    AND age(c.relfrozenxid) > 0.8 * current_setting('autovacuum_freeze_max_age')::bigint`;

interface Question {
  sql: string;
  /** What the facts are, before their list. */
  what: string;
  remedy: string;
}

const QUESTIONS: Question[] = [
  {
    sql: TRIGGERS,
    what: "has triggers of its own",
    remedy:
      "Those that fire on the column are dealt with as migration.appTriggers says; the others stay as they are.",
  },
  {
    sql: EVENT_TRIGGERS,
    what: "its database has event triggers, which see our DDL",
    remedy: "See that they let CREATE TRIGGER, CREATE SCHEMA and ALTER TABLE pass.",
  },
  {
    sql: FOREIGN_KEYS,
    what: "is referred to by foreign keys",
    remedy: "Nothing to do: keys are not changed, and the undo follows keys that users change.",
  },
  {
    sql: ROW_SECURITY,
    what: "has row security policies",
    remedy: "Policies that ask for the column see normalised values from phase 1 on.",
  },
  {
    sql: SLOTS,
    what: "its server has replication slots",
    remedy:
      "The backfill's write-ahead log goes to each of them: drop inactive ones, watch the lag of the others.",
  },
  {
    sql: SUBSCRIPTIONS,
    what: "is written by logical replication",
    remedy: "The publisher's old-style rows are normalised here as they come in.",
  },
  {
    sql: PREPARED,
    what: "its database has prepared transactions, which hold locks until somebody ends them",
    remedy: "COMMIT PREPARED or ROLLBACK PREPARED.",
  },
  {
    sql: OLD_SNAPSHOTS,
    what: "its database has transactions that are open for long: dead rows of the backfill stay until they end",
    remedy: "Let them end first, or end them.",
  },
  {
    sql: WRAPAROUND,
    what: "will soon get an autovacuum to prevent wraparound, which gives way to nobody",
    remedy: "VACUUM (FREEZE) the table before phase 1.",
  },
];

const SHOWN = 10;
const list = (facts: NamedFact[]) =>
  facts
    .slice(0, SHOWN)
    .map(({ name, detail }) => `${clip(name, 63)} (${clip(detail, 160)})`)
    .join(", ") + (facts.length > SHOWN ? ` and ${facts.length - SHOWN} more` : "");

const found = (severity: Finding["severity"], subject: string, finding: string, remedy: string): Finding => ({
  ...{ severity, topic: "target", subject, finding, remedy },
});

/** A blocker is one text, remedy at its end: apart for the report, together again for the refusal. */
export function splitBlocker(subject: string, blocker: string): Finding {
  const at = blocker.search(/\. (?=[A-Z][^.]*(?:\.|$))/);
  return at < 0
    ? found("stop", subject, blocker, "")
    : found("stop", subject, blocker.slice(0, at + 1), blocker.slice(at + 2));
}

async function ask(client: Client, change: Change, { sql, what, remedy }: Question): Promise<Finding[]> {
  const subject = `table ${change.schema}.${change.table}`;
  try {
    const { rows } = await client.query<NamedFact>(sql, [tableName(change)]);
    return rows.length === 0 ? [] : [found("note", subject, `${what}: ${list(rows)}`, remedy)];
  } catch (error) {
    // A catalogue that this role may not read (pg_subscription) is told, not taken for an empty one.
    return [
      found(
        "note",
        subject,
        `could not be asked whether it ${what} (${clip((error as Error).message)})`,
        remedy,
      ),
    ];
  }
}

async function nameWriters(client: Client, change: Change): Promise<Finding[]> {
  const roles = await readWritingRoles(client, change);
  const untried = roles.filter(({ canSetRole }) => !canSetRole).map(({ name }) => clip(name, 63));
  const subject = `table ${change.schema}.${change.table}`;
  const names = roles.map(({ name }) => clip(name, 63)).join(", ") || "nobody but superusers";
  return [
    found(
      "note",
      subject,
      `is written by ${names}`,
      "Each of them goes on writing as before: expand tries it.",
    ),
    ...(untried.length > 0
      ? [
          found(
            "note",
            subject,
            `no trial write can be made as ${untried.join(", ")}`,
            `GRANT that role to ${client.user} for the rollout.`,
          ),
        ]
      : []),
  ];
}

/** What would stop the migration, from the catalogues, in the words of the step that would refuse. */
export async function judgeCatalogue(
  client: Client,
  { change, migration, stack }: { change: Change; migration: MigrationOptions; stack: string },
): Promise<Finding[]> {
  const subject = `table ${change.schema}.${change.table}`;
  const record = await readChangeRecord(client);
  const foreign = foreignChange(record, stack, change);
  const facts = await readTargetFacts(client, change);
  const { blockers, notes } = judgeTarget(facts, change, migration, { made: record !== undefined });
  const risks = judgeRisks(
    blockers.length > 0 || record ? [] : await judgeRules(client, change),
    migration.accept,
  );
  return [
    ...[...(foreign ? [foreign] : []), ...blockers, ...risks.blockers].map((blocker) =>
      splitBlocker(subject, blocker),
    ),
    ...[...notes, ...risks.notes].map((text) => found("note", subject, text, "Nothing to do, but to know.")),
  ];
}

/** What a DBA wants to have seen of the table and its server. Catalogues only. */
export async function surveyTarget(client: Client, change: Change): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const question of QUESTIONS) findings.push(...(await ask(client, change, question)));
  return [...findings, ...(await nameWriters(client, change))];
}
