import { saveArtifact } from "../../ledger/store.ts";
import { connect } from "../../postgres/connect.ts";
import { acquireLease } from "../../postgres/lease.ts";
import { subjectOf } from "../../postgres/migration/change-sql.ts";
import {
  type DatabaseTraces,
  readDatabaseTraces,
  removeRollout,
} from "../../postgres/migration/remove-rollout.ts";
import { withConnection } from "../../postgres/session.ts";
import type { Closing } from "./closing.ts";

const linkOf = ({ config }: Pick<Closing, "config">) => ({ connect: () => connect(config.databaseUrl) });

/** @throws when the database cannot be reached. */
export function lookAtDatabase(closing: Closing): Promise<DatabaseTraces> {
  return withConnection(linkOf(closing), (client) => readDatabaseTraces(client, closing.config.stack));
}

const number = (count: number) => count.toLocaleString("en-US");

/** What would be dropped, and what is then gone for good; nothing where nothing of this stack is there. Pure. */
export function databasePlan({ schema, record, originals, triggers }: DatabaseTraces): string[] {
  if (schema !== "ours") return [];
  if (!record) return ["database: drops schema rollout, which holds no journal"];
  const { change, ownerRole, madeRole } = record;
  return [
    `database: drops the ${triggers.length} triggers of the rollout on ${change.table} (ACCESS EXCLUSIVE for milliseconds), ` +
      `schema rollout with journal and tracker${madeRole ? `, and role ${ownerRole}` : ""}`,
    `gone for good: the way back to ${number(originals)} original values of ${subjectOf(change)} ` +
      "(exported to the evidence first, for people to read; no undo reads that)",
    ...(madeRole ? [] : [`stays: role ${ownerRole}, which an administrator made`]),
  ];
}

/** What of it is not this stack's. Pure. */
export function databaseNotes({ schema, record }: DatabaseTraces): string[] {
  if (schema !== "foreign") return [];
  const whose = record ? `of stack ${record.stack}` : "that this program did not make";
  return [`left alone: schema rollout ${whose} in the same database`];
}

/** Drops everything, the journal exported first. Can be run again after any crash. @returns what was done. */
export async function clearDatabase(closing: Closing, verb: string, evidence: string): Promise<string> {
  const { config, signal, log } = closing;
  const { stack, migration } = config;
  const link = linkOf(closing);
  if ((await lookAtDatabase(closing)).schema !== "ours") return "nothing of this rollout is left";
  // Its release drops a schema that holds no journal: that is all there is to do then.
  const lease = await acquireLease(link.connect, { holder: `${stack}: ${verb}`, log });
  try {
    return await withConnection(link, async (client) => {
      const { record } = await readDatabaseTraces(client, stack);
      if (!record) return "schema rollout dropped; it held no journal";
      const { lockTimeoutMs, appTriggers } = migration;
      const work = { client, change: record.change, stack, lockTimeoutMs, appTriggers, lease, signal, log };
      const save = async (name: string, content: Buffer) => saveArtifact(evidence, name, content);
      const { artifact, lines } = await removeRollout(work, record, save);
      return `triggers, schema rollout and its role dropped; journal exported to ${artifact} (${number(lines)} lines)`;
    });
  } finally {
    await lease.release();
  }
}
