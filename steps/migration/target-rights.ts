import type { Client } from "pg";
import { missingRights } from "../../postgres/migration/rights.ts";
import type { Observation } from "../step.ts";
import type { ChangeStepSpec } from "./change-spec.ts";

type Spec = Pick<ChangeStepSpec, "change" | "migration">;

/** What of the role's rights is missing for the steps on the table. */
export const rightsOf = (client: Client, { change, migration }: Spec) =>
  missingRights(client, change, { stamps: migration.alembicRevision !== undefined });

/**
 * An observation that could not be made for want of a right; undefined where everything can be read.
 * @param stamps false: Alembic's table is not looked at, so all else can be told in the same round.
 */
export async function unreadable(
  client: Client,
  { change, migration }: Spec,
  { stamps = migration.alembicRevision !== undefined } = {},
): Promise<Observation | undefined> {
  const { toRead } = await missingRights(client, change, { stamps });
  if (toRead.length === 0) return undefined;
  const drift = [{ expected: `${change.table} to be readable`, observed: "a right is missing" }];
  return { drift, plan: [], undo: [], blockers: toRead };
}

/** For the steps after expand, which says all of it already. */
export async function isUnreadable(client: Client, spec: Spec): Promise<boolean> {
  return (await unreadable(client, spec)) !== undefined;
}
