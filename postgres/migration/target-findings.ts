import { appTriggerBlockers, appTriggerNotes, listFacts, unreadTriggerRisks } from "./app-triggers.ts";
import type { Change } from "./change.ts";
import { showValue, subjectOf, suffixedName } from "./change-sql.ts";
import type { MigrationOptions } from "./migration-options.ts";
import { publicationBlockers, publicationNotes } from "./publications.ts";
import { judgeRisks } from "./risks.ts";
import type { TargetFacts } from "./target-facts.ts";

/** What stands in the way of the change, each with its remedy, and what is only worth knowing. */
export interface Findings {
  blockers: string[];
  notes: string[];
}

const KEY_TYPES = ["smallint", "integer", "bigint", "uuid", "text", "character varying"];

/** Name of the helper CHECK that lets SET NOT NULL pass without a scan. */
export function helperName(change: Change): string {
  return suffixedName(change.constraint, "_not_null");
}

function tableBlockers({ table, database, role }: TargetFacts, change: Change): string[] {
  const name = `${change.schema}.${change.table}`;
  if (!table) {
    return [
      `expected table ${name} in database ${database}, got none (or none that role ${role} may see). Correct change.table or databaseUrl.`,
    ];
  }
  const kind = { p: "a partitioned table", v: "a view", m: "a materialised view", f: "a foreign table" }[
    table.kind
  ];
  return [
    ...(kind ? [`expected ${name} to be an ordinary table, got ${kind}. It is not supported yet.`] : []),
    ...(table.isPartition || (table.inherits && !kind)
      ? [`expected ${name} to stand alone, got a partition or inheritance. It is not supported yet.`]
      : []),
    ...(table.persistence === "p"
      ? []
      : [
          `expected ${name} to be a logged table, got an unlogged or temporary one. ALTER TABLE … SET LOGGED.`,
        ]),
    ...(table.hasRules
      ? [`expected no rewrite rule on ${name}, got at least one. DROP RULE, or use a trigger instead.`]
      : []),
    ...(table.owns
      ? []
      : [
          `expected role ${role} to own ${name}, got owner ${table.owner}. GRANT ${table.owner} TO ${role}, with INHERIT.`,
        ]),
    ...(table.rowSecurity
      ? [
          `expected role ${role} to see every row of ${name}, got row security that filters for it. ALTER ROLE ${role} BYPASSRLS.`,
        ]
      : []),
  ];
}

function columnBlockers({ column, checks }: TargetFacts, change: Change): string[] {
  const subject = subjectOf(change);
  if (!column) return [`expected column ${subject}, got none. Correct change.column.`];
  const { maxLength } = column;
  const long = maxLength === null ? [] : change.allowed.filter((value) => [...value].length > maxLength);
  const taken = checks.find(({ name }) => name === change.constraint);
  return [
    ...(["text", "character varying"].includes(column.baseType)
      ? []
      : [
          `expected ${subject} to be text or varchar, got ${column.type}. Other types are not supported yet.`,
        ]),
    ...(column.generated
      ? [`expected ${subject} to be an ordinary column, got a generated one. Correct change.column.`]
      : []),
    ...(column.deterministic
      ? []
      : [
          `expected ${subject} to compare byte by byte, got a nondeterministic collation. Change the column's collation first.`,
        ]),
    ...(column.notValid === null
      ? []
      : [
          `expected NOT NULL of ${subject} to be validated or not there, got ${column.notValid}, which is NOT VALID: the way back could not restore a NULL. Correct those rows and VALIDATE CONSTRAINT, or drop it and set change.normalise.whenNull.`,
        ]),
    ...(long.length > 0
      ? [
          `expected every allowed value to fit ${column.type}, got ${long.map(showValue).join(", ")}. Widen the column or correct change.allowed.`,
        ]
      : []),
    ...(taken
      ? [
          `expected no constraint ${change.constraint} on the table, got ${taken.detail}. Rename it or set change.constraint.`,
        ]
      : []),
  ];
}

function keyBlockers({ key }: TargetFacts, change: Change): string[] {
  const name = `${change.table}.${change.key}`;
  if (!key) return [`expected key column ${name}, got none. Correct change.key.`];
  return [
    ...(key.isPrimary
      ? []
      : [`expected ${name} to be the table's single-column primary key, got another. Correct change.key.`]),
    ...(key.deferrable
      ? [`expected the primary key ${name} to be checked at once, got a deferrable one. It is not supported.`]
      : []),
    ...(KEY_TYPES.includes(key.type)
      ? []
      : [`expected key ${name} of type ${KEY_TYPES.join(", ")}, got ${key.type}. It is not supported yet.`]),
    ...(key.deterministic
      ? []
      : [
          `expected key ${name} to compare byte by byte, got a nondeterministic collation. It is not supported.`,
        ]),
  ];
}

function companionBlockers(facts: TargetFacts, change: Change, options: MigrationOptions): string[] {
  const subject = subjectOf(change);
  const { foreignKeys, role } = facts;
  return [
    ...appTriggerBlockers(facts.appTriggers, change, { mode: options.appTriggers, role }),
    ...publicationBlockers(facts.publications, change, options),
    ...(foreignKeys.length > 0
      ? [`expected ${subject} in no foreign key, got ${listFacts(foreignKeys)}. It is not supported.`]
      : []),
  ];
}

/** What makes the trigger functions' owner a role that ours may use: with INHERIT, which each version says in its way. */
function grantOwnerRole({ role, ownerRole, appTriggers }: TargetFacts): string {
  const grant = `GRANT ${ownerRole.name} TO ${role}`;
  if (appTriggers.serverVersion >= 160_000) return `${grant} WITH INHERIT TRUE, SET TRUE`;
  return ownerRole.inherits ? grant : `${grant}; ALTER ROLE ${role} INHERIT`;
}

function rightsBlockers(facts: TargetFacts): string[] {
  const { role, database, ownerRole } = facts;
  const create = (ownerRole.exists ? "" : `CREATE ROLE ${ownerRole.name} NOLOGIN; `) + grantOwnerRole(facts);
  const roleMissing = ownerRole.exists ? !ownerRole.member : !facts.mayCreateRole;
  return [
    ...(facts.standby ? [`expected the primary server, got a standby of it. Correct databaseUrl.`] : []),
    ...(facts.mayCreateSchema
      ? []
      : [
          `expected role ${role} to be able to create schema rollout, got no right. GRANT CREATE ON DATABASE ${database} TO ${role}.`,
        ]),
    ...(roleMissing
      ? [
          `expected role ${role} to create or use role ${ownerRole.name} (it owns the trigger functions), got no right. As an administrator: ${create}.`,
        ]
      : []),
    ...(facts.wraparoundVacuumPid === null
      ? []
      : [
          `expected no autovacuum to prevent wraparound on the table, got pid ${facts.wraparoundVacuumPid}, which never gives way to a lock. Let it finish.`,
        ]),
  ];
}

function notesOf(facts: TargetFacts, change: Change, { appTriggers }: MigrationOptions): string[] {
  const { publications, longTransactions, column, checks } = facts;
  const others = checks.filter(({ name }) => ![change.constraint, helperName(change)].includes(name));
  return [
    ...appTriggerNotes(facts.appTriggers, appTriggers),
    ...publicationNotes(publications),
    ...longTransactions.map(
      ({ name, detail }) =>
        `a transaction of ${detail} uses the table: ${name}; DDL waits for it, writers do not`,
    ),
    ...(column?.default ? [`existing default ${column.default} is kept`] : []),
    ...(others.length > 0 ? [`other checks on the column stay: ${listFacts(others)}`] : []),
  ];
}

/** Judges the facts. `made` = the change has been made or begun by us: our own constraint is then no stranger. */
export function judgeTarget(
  facts: TargetFacts,
  change: Change,
  options: MigrationOptions,
  { made }: { made: boolean },
): Findings {
  const known = made ? { ...facts, checks: [] } : facts;
  const blockers = tableBlockers(facts, change);
  if (facts.table) {
    blockers.push(
      ...columnBlockers(known, change),
      ...keyBlockers(facts, change),
      ...companionBlockers(facts, change, options),
    );
  }
  const risks = judgeRisks(unreadTriggerRisks(facts.appTriggers, change), options.accept);
  blockers.push(...risks.blockers, ...rightsBlockers(facts));
  return { blockers, notes: facts.table ? [...notesOf(facts, change, options), ...risks.notes] : [] };
}
