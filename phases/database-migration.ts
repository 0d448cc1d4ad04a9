import type { RolloutConfig } from "../config/schema.ts";
import { backup } from "../steps/backup.ts";
import { constraint } from "../steps/constraint.ts";
import { expand } from "../steps/expand.ts";
import { migration } from "../steps/migration.ts";
import { notice } from "../steps/notice.ts";
import { rehearsal } from "../steps/rehearsal.ts";
import { review } from "../steps/review.ts";
import { askedHosts } from "../steps/smoke/service-health.ts";
import { verification } from "../steps/verification.ts";
import { backupArgs, proofOf, restoreArgs, retentionAfter } from "./backup-rows.ts";
import { noticeArgs } from "./mail-args.ts";
import { firstBackup, firstProof, preFlight } from "./pre-flight.ts";
import { changeArgs, opening, suiteOf } from "./shared-args.ts";
import { definePhase, placeOf, row } from "./table.ts";

/** The change on a copy of phase 0's backup. */
function rehearsalArgs(config: RolloutConfig) {
  const { url, jobs } = config.backup;
  return {
    ...{ ...changeArgs(config), url, jobs, ...restoreArgs(config) },
    of: { ...placeOf(preFlight, firstBackup), proof: firstProof.name },
    // Whatever else there is to say of the tests is the baseline's: it is no reason to rehearse again.
    ...(config.testSuite?.onCopy ? { suite: suiteOf(config), release: config.releases.baseline } : {}),
  };
}

function migrationArgs(config: RolloutConfig) {
  const { strategy, maintenance } = config.migration;
  const stops = { maintenance, hosts: askedHosts(config.hosts), release: config.releases.baseline };
  return { ...changeArgs(config), ...(strategy === "maintenance" ? stops : {}) };
}

const freshBackup = row(backup, {
  name: "fresh-backup",
  why: "The backup of phase 0 may be days old by now.",
  args: backupArgs,
});
const freshProof = proofOf(freshBackup);

/** Phase 1. */
export const databaseMigration = definePhase({
  name: "database-migration",
  brings:
    "The column is normalised and constrained while the application runs. The undo brings every value back.",
  runbook: "1.1-1.7",
  rows: [
    opening,
    row(review, {
      why: "The change and all that leans on the column are read before anything is touched.",
      args: (config) => ({
        ...{ ...changeArgs(config), review: config.review, release: config.releases.baseline },
      }),
    }),
    row(rehearsal, {
      why: "The whole change and its undo run on a copy first, and their times are measured.",
      args: rehearsalArgs,
    }),
    row(notice, {
      why: "Users read when it happens and how long it takes, by the rehearsal's times.",
      args: noticeArgs,
    }),
    freshBackup,
    freshProof,
    retentionAfter(freshProof),
    row(expand, {
      why: "From here on new writes are normalised, and old values go into the journal for the undo.",
      args: changeArgs,
    }),
    row(migration, {
      why: "The values that are there already follow, in batches.",
      args: migrationArgs,
    }),
    row(constraint, {
      why: "It can be validated now that every value is allowed.",
      args: changeArgs,
    }),
    row(verification, {
      why: "Database and running application are seen to agree before phase 2 builds on them.",
      args: ({ change, app, hosts, smoke, releases }) => ({
        ...{ change, app, hosts: askedHosts(hosts), smoke, release: releases.baseline },
      }),
    }),
  ],
});
