import { backup } from "../steps/backup.ts";
import { dataAudit } from "../steps/data-audit.ts";
import { environmentCheck } from "../steps/environment-check.ts";
import { guard } from "../steps/guard.ts";
import { outputSnapshot } from "../steps/output-snapshot.ts";
import { retention } from "../steps/retention.ts";
import { statusReport } from "../steps/status-report.ts";
import { testSuite } from "../steps/test-suite.ts";
import { backupArgs, proofOf, retentionAfter } from "./backup-rows.ts";
import { opening, suiteOf } from "./shared-args.ts";
import { definePhase, row } from "./table.ts";

/** Phase 4 compares its own run of the tests with this one. */
export const baselineSuite = row(testSuite, {
  why: "Later phases compare their test runs with what passed before anything changed.",
  args: (config) => ({ suite: suiteOf(config), release: config.releases.baseline }),
});

const rowsAudit = row(dataAudit, {
  why: "Nothing may begin while a value in the column has no allowed value to become.",
  args: ({ change }) => ({ change }),
});

/** Phase 4 compares its own outputs with these. */
export const preSnapshot = row(outputSnapshot, {
  why: "Phase 4 compares every deal's outputs with these.",
  args: ({ change, app, outputs, releases }) => ({
    ...{ change, appUrl: app.url, outputs, release: releases.baseline },
  }),
});

/** The rehearsal of phase 1 restores this one. */
export const firstBackup = row(backup, {
  why: "It is the last resort for the whole rollout, and what phase 1 rehearses on.",
  follows: rowsAudit,
  args: (config) => ({ ...backupArgs(config), follows: rowsAudit.name }),
});

export const firstProof = proofOf(firstBackup);

/** Rows that find nothing the status report could judge. */
const FINDS_NOTHING: object[] = [guard, retention];

/** Phase 0. */
export const preFlight = definePhase({
  name: "pre-flight",
  brings: "Facts and a proven backup before anything is changed. It touches nothing in the target.",
  runbook: "0.1-0.6",
  rows: [
    opening,
    row(environmentCheck, {
      why: "A missing program or right is found before any work is done.",
      args: ({ change, dependencies }) => ({ change, dependencies }),
    }),
    baselineSuite,
    rowsAudit,
    preSnapshot,
    firstBackup,
    firstProof,
    retentionAfter(firstProof),
    row(statusReport, {
      why: "It says go or no-go from what the rows above found.",
      args: ({ change, stack }, earlier) => ({
        change,
        reportsOn: earlier.filter(({ step }) => !FINDS_NOTHING.includes(step)).map(({ name }) => name),
        file: `reports/${stack}/pre-migration-status.md`,
      }),
    }),
  ],
});
