import type { Client } from "pg";
import { StepError } from "../../errors/step-error.ts";
import { workingRole } from "../session-role.ts";
import { type AssigningTriggers, readAssigningTriggers } from "./assigning-triggers.ts";
import type { Change } from "./change.ts";
import { OWN_TRIGGER_NAME, subjectOf, tableName } from "./change-sql.ts";
import type { MigrationOptions } from "./migration-options.ts";
import type { Refusal } from "./refusal.ts";
import type { Risk } from "./risks.ts";
import type { NamedFact } from "./target-facts.ts";

/** What becomes of the application's triggers while we change and restore rows. */
export type AppTriggerMode = MigrationOptions["appTriggers"];

/** A trigger of the application that fires on an UPDATE of the column. */
export interface UpdateTrigger extends NamedFact {
  /** `pg_trigger.tgenabled`: O(rigin), A(lways) or R(eplica). */
  enabled: "O" | "A" | "R";
}

/** What decides whether the application's triggers can be bypassed, or fired and undone. */
export interface AppTriggers extends AssigningTriggers {
  onUpdate: UpdateTrigger[];
  serverVersion: number;
  /** The role may set session_replication_role. */
  mayBypass: boolean;
  /** The server counts the rows that a transaction writes. */
  countsWrites: boolean;
  /** Schemas of the triggers' search path in which everybody may create things. */
  openSchemas: string[];
}

/** Server from which a role can be given the right to bypass triggers. */
const BYPASS_VERSION = 150_000;

// tgtype: 16 = update.
const OF_THE_APP = `
  SELECT t.tgname AS name, p.proname || '()' AS detail, t.tgenabled AS enabled
  FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
  WHERE t.tgrelid = to_regclass($1) AND NOT t.tgisinternal AND t.tgenabled <> 'D'
    AND t.tgname !~ '${OWN_TRIGGER_NAME}'`;

const ON_UPDATE = `${OF_THE_APP} AND t.tgtype & 16 <> 0 AND (cardinality(t.tgattr::int2[]) = 0 OR
    (SELECT attnum FROM pg_attribute WHERE attrelid = t.tgrelid AND attname = $2) = ANY (t.tgattr::int2[]))
  ORDER BY 1`;

const SESSION = `
  SELECT current_setting('server_version_num')::int AS "serverVersion",
         current_setting('track_counts')::bool AS "countsWrites",
         ARRAY(SELECT n.nspname::text FROM pg_namespace n WHERE n.nspname IN ($1, 'public')
               AND has_schema_privilege('public', n.oid, 'CREATE') ORDER BY 1) AS "openSchemas"`;

async function mayBypass(client: Client, serverVersion: number): Promise<boolean> {
  if (serverVersion < BYPASS_VERSION) return false;
  const { rows } = await client.query<{ may: boolean }>(
    "SELECT has_parameter_privilege('session_replication_role', 'SET') AS may",
  );
  return rows[0]?.may ?? false;
}

/** Triggers that fire when we update the column, unless they are bypassed. */
export async function readUpdateTriggers(client: Client, change: Change): Promise<UpdateTrigger[]> {
  return (await client.query<UpdateTrigger>(ON_UPDATE, [tableName(change), change.column])).rows;
}

/** Reads catalogues and settings only. */
export async function readAppTriggers(client: Client, change: Change): Promise<AppTriggers> {
  const { rows } = await client.query<Pick<AppTriggers, "serverVersion" | "countsWrites" | "openSchemas">>(
    SESSION,
    [change.schema],
  );
  const session = rows[0];
  if (!session) throw new Error("postgres: expected a row about this session, got none");
  return {
    ...session,
    mayBypass: await mayBypass(client, session.serverVersion),
    onUpdate: await readUpdateTriggers(client, change),
    ...(await readAssigningTriggers(client, change)),
  };
}

/** Those that fire all the same: a trigger that is ENABLE ALWAYS or REPLICA fires for a replica too. */
export function firingTriggers(triggers: readonly UpdateTrigger[], mode: AppTriggerMode): UpdateTrigger[] {
  return triggers.filter(({ enabled }) => enabled !== (mode === "bypass" ? "O" : "R"));
}

export const listFacts = (facts: readonly NamedFact[]) =>
  facts.map(({ name, detail }) => `${name} (${detail})`).join(", ");

const grant = (role: string) =>
  `As a superuser: GRANT SET ON PARAMETER session_replication_role TO "${role.replaceAll('"', '""')}"`;

function bypassBlockers(triggers: AppTriggers, subject: string, role: string): string[] {
  const how = "(migration.appTriggers: bypass)";
  if (triggers.serverVersion < BYPASS_VERSION) {
    const version = Math.floor(triggers.serverVersion / 10_000);
    return [`expected PostgreSQL 15 or newer ${how}, got ${version}. Set it to fire or refuse.`];
  }
  const stubborn = firingTriggers(triggers.onUpdate, "bypass");
  return [
    ...(triggers.mayBypass
      ? []
      : [
          `expected role ${role} to be allowed to set session_replication_role ${how}, got no right. ${grant(role)}.`,
        ]),
    ...(stubborn.length > 0
      ? [
          `expected every trigger on an update of ${subject} to be bypassable ${how}, got ENABLE ALWAYS or REPLICA for ${listFacts(stubborn)}. ALTER TABLE … ENABLE TRIGGER, or set it to fire.`,
        ]
      : []),
  ];
}

function fireBlockers({ countsWrites, openSchemas }: AppTriggers): string[] {
  const how = "(migration.appTriggers: fire)";
  return [
    ...(countsWrites
      ? []
      : [
          `expected track_counts on ${how}, which tells what triggers write elsewhere, got off. Turn it on, or set it to bypass.`,
        ]),
    ...openSchemas.map(
      (schema) =>
        `expected nobody but its owner to create in schema ${schema} ${how}: triggers run with it in the migrator's search path, got a right for all. REVOKE CREATE ON SCHEMA ${schema} FROM PUBLIC.`,
    ),
  ];
}

/** Why the application's triggers stand in the way, each with its remedy. */
export function appTriggerBlockers(
  triggers: AppTriggers,
  change: Change,
  { mode, role }: { mode: AppTriggerMode; role: string },
): string[] {
  const subject = subjectOf(change);
  const { onUpdate, assigning, outside } = triggers;
  return [
    ...(mode === "refuse" && onUpdate.length > 0
      ? [
          `expected no trigger that fires on an update of ${subject} (migration.appTriggers: refuse), got ${listFacts(onUpdate)}. Narrow it to UPDATE OF other columns, or set migration.appTriggers to bypass or fire.`,
        ]
      : []),
    ...(mode === "bypass" ? bypassBlockers(triggers, subject, role) : []),
    ...(mode === "fire" ? fireBlockers(triggers) : []),
    ...(assigning.length > 0
      ? [
          `expected no BEFORE trigger that assigns ${subject}, got ${listFacts(assigning)}. Let it leave the column alone.`,
        ]
      : []),
    ...(outside.length > 0
      ? [
          `expected every BEFORE trigger of ${change.table} to fire between our own, got ${listFacts(outside)}. Rename it: between !rollout_ and ~rollout_.`,
        ]
      : []),
  ];
}

/** Triggers of which it can't be told whether they assign the column, each to be accepted by its name. */
export function unreadTriggerRisks({ unread }: AppTriggers, change: Change): Risk[] {
  return unread.map((fact) => ({
    name: fact.name,
    finding: `expected no BEFORE trigger that may assign ${subjectOf(change)}, got ${listFacts([fact])}`,
    remedy: `Let it assign the columns that it means one by one`,
  }));
}

/** What preview says of them. */
export function appTriggerNotes({ onUpdate }: AppTriggers, mode: AppTriggerMode): string[] {
  if (onUpdate.length === 0 || mode === "refuse") return [];
  return mode === "bypass"
    ? [`triggers not fired by our updates, forward and back: ${listFacts(onUpdate)}`]
    : [
        `triggers fired by every row that we change: ${listFacts(firingTriggers(onUpdate, mode))}; columns that they change are journalled, a write anywhere else takes the batch back`,
      ];
}

/** Why triggers can't be bypassed now; the right may have been taken away since expand looked. */
export async function bypassRefusal(client: Client, mode: AppTriggerMode): Promise<Refusal | undefined> {
  if (mode !== "bypass") return undefined;
  const { rows } = await client.query<{ version: number }>(
    "SELECT current_setting('server_version_num')::int AS version",
  );
  if (await mayBypass(client, rows[0]?.version ?? 0)) return undefined;
  const role = await workingRole(client);
  const reason = `role ${role} may not set session_replication_role (migration.appTriggers: bypass)`;
  return { code: "42501", obstacle: null, reason, remedy: `${grant(role)}.` };
}

/** Before the first batch forward. @throws {StepError} for one that would fire what is to be bypassed. */
export async function assertMayBypass(client: Client, mode: AppTriggerMode, step: string): Promise<void> {
  if (!(await bypassRefusal(client, mode))) return;
  const role = await workingRole(client);
  throw new StepError(
    `${step}: expected role ${role} to be allowed to set session_replication_role ` +
      `(migration.appTriggers: bypass), got no right. ${grant(role)}.`,
  );
}
