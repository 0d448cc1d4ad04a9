import type { Client } from "pg";
import { z } from "zod";
import { MaintenanceSection } from "../../config/maintenance.ts";
import { readRevisions } from "../../postgres/migration/alembic.ts";
import { planLines } from "../../postgres/migration/change-plan.ts";
import { readChangeRecord } from "../../postgres/migration/change-record.ts";
import { subjectOf } from "../../postgres/migration/change-sql.ts";
import type { RowCounts } from "../../postgres/migration/counts.ts";
import { restoreSeconds, showRows } from "../../postgres/migration/estimate.ts";
import type { MaintenanceRecord } from "../../postgres/migration/maintenance-record.ts";
import { expectRestore } from "../rehearsal/rehearsed.ts";
import { AskedHost } from "../smoke/service-health.ts";
import type { Drift, StepDeps } from "../step.ts";
import { ChangeStepSpec } from "./change-spec.ts";
import { fillMaintenance } from "./maintenance-command.ts";

export const MigrationSpec = ChangeStepSpec.extend({
  /** How the writers are stopped; with strategy maintenance only, and not on the rehearsal's copy. */
  maintenance: MaintenanceSection.optional(),
  /** Services that have to be healthy after a maintenance. */
  hosts: z.array(AskedHost).optional(),
  /** Commit that runs now, for `{release}` in the commands. */
  release: z.string().optional(),
});
export type MigrationSpec = z.infer<typeof MigrationSpec>;

/** A repair never stops the application: once the change is made, whatever is left is done online. */
export const isDoneStopped = ({ migration }: Pick<MigrationSpec, "migration">, made: boolean): boolean =>
  migration.strategy === "maintenance" && !made;

export async function stampDrift(client: Client, { change, migration }: MigrationSpec): Promise<Drift[]> {
  const revision = migration.alembicRevision;
  const now = revision === undefined ? undefined : await readRevisions(client, change);
  if (!now || now.includes(revision as string)) return [];
  return [
    { expected: `alembic_version ${revision}`, observed: `alembic_version ${now.join(", ") || "empty"}` },
  ];
}

const openDrift = ({ since }: MaintenanceRecord): Drift => ({
  expected: "the writers running",
  observed: `stopped since ${since} by a run that did not end`,
});

/** Ways in which the migration is not done, or its writers not started again. */
export async function readDrift(
  client: Client,
  spec: MigrationSpec,
  counts: RowCounts,
  open: MaintenanceRecord | undefined,
): Promise<Drift[]> {
  const record = await readChangeRecord(client);
  return [
    ...(open ? [openDrift(open)] : []),
    ...(record?.backfilled
      ? []
      : [{ expected: "a finished backfill", observed: record ? "an unfinished one" : "no journal" }]),
    ...(counts.invalid === 0
      ? []
      : [
          {
            expected: `no row of ${subjectOf(spec.change)} outside the allowed values`,
            observed: showRows(counts.invalid),
          },
        ]),
    ...(await stampDrift(client, spec)),
  ];
}

/** What `apply` finds. */
interface Found {
  counts: RowCounts;
  /** Rows to change. */
  rows: number;
  stamp: Drift[];
  /** The writers are going to be stopped for it. */
  stopped: boolean;
  /** A run that did not end has left them stopped. */
  open: boolean;
}

/** What `apply` would do, in a few lines. */
export function planMigration(spec: MigrationSpec, found: Found): string[] {
  const { change, migration } = spec;
  const { counts, rows, stamp, stopped, open } = found;
  const what = `UPDATE ${subjectOf(change)} of ${showRows(rows)} of ${counts.total.toLocaleString("en-US")}`;
  const batches = `${migration.batchSize} keys a transaction on ${migration.connections} connections: row locks only, each for one batch`;
  const [before, after] = stopped ? planStopped(spec, what) : [[`${what}, ${batches}`], []];
  return [
    ...(open && !stopped ? ["starts the writers again first, waits for their health"] : []),
    ...before,
    ...planLines(counts, change).map((line) => `  ${line}`),
    ...stamp.map(
      ({ expected, observed }) => `stamps ${expected} (now ${observed.replace("alembic_version ", "")})`,
    ),
    ...after,
  ];
}

const showCommand = (argv: readonly string[]) => argv.join(" ").slice(0, 120);

/** Lines before and after the rows: what is stopped, what runs meanwhile, what is started. */
function planStopped(spec: MigrationSpec, what: string): [string[], string[]] {
  const { change, maintenance, release = "" } = spec;
  const atOnce = `${what}, CHECK ${change.constraint} and NOT NULL in one transaction: ACCESS EXCLUSIVE all the while`;
  if (!maintenance) return [[atOnce], []];
  const { stop, start, timeoutSeconds, flagFile, upgrade } = fillMaintenance(maintenance, release);
  const flag = flagFile ? `puts up ${flagFile}, ` : "";
  const own =
    upgrade && `runs ${showCommand(upgrade.command)}, compares every row, takes it back if any differs`;
  return [
    [
      `${flag}stops every writer: ${showCommand(stop)}; goes on once none is connected, ${timeoutSeconds} s at most`,
      own ?? atOnce,
    ],
    [
      `starts them again: ${showCommand(start)}; waits for their health${flagFile ? `, removes ${flagFile}` : ""}`,
    ],
  ];
}

interface Journal {
  /** Rows whose original value it holds and that were not given back. */
  rows: number;
  finished: boolean;
}

/** What the journal holds now; undefined while no backfill has begun. */
export async function readJournal(client: Client): Promise<Journal | undefined> {
  const record = await readChangeRecord(client);
  if (!record) return undefined;
  const { rows } = await client.query<{ rows: string }>(
    "SELECT coalesce(sum(cardinality(keys)), 0) AS rows FROM rollout.journal WHERE NOT restored",
  );
  const held = Number(rows[0]?.rows);
  const begun = record.backfilled || record.cursor !== null || held > 0;
  return begun ? { rows: held, finished: record.backfilled } : undefined;
}

/** What an undo would give back: what the journal holds, and before a backfill what it is going to hold. */
export function undoLine(
  spec: MigrationSpec,
  journal: Journal | undefined,
  planned: number,
  { evidence }: StepDeps,
): string {
  const rows = journal?.rows ?? planned;
  const time = expectRestore(spec, evidence, { rows, constant: restoreSeconds(rows) });
  const source = journal?.finished === false ? "the journal as it is now, half-done" : "the journal";
  return `restores ${showRows(rows)} from ${source}, ${time}; rows changed by users since keep their values (reaffirmed: ${spec.migration.reaffirmed})`;
}
