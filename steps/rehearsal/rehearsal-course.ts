import { StepError } from "../../errors/step-error.ts";
import { compareCopy, readCopyState, withoutSchema } from "../../postgres/backup/copy-state.ts";
import type { Manifest } from "../../postgres/backup/dump-manifest.ts";
import { shorten } from "../../postgres/backup/dump-rights.ts";
import { prepareCopy } from "../../postgres/backup/rehearsal-copy.ts";
import type { Restored } from "../../postgres/backup/restore.ts";
import type { ThrowawayCluster } from "../../postgres/backup/throwaway-cluster.ts";
import { connect } from "../../postgres/connect.ts";
import { tableName } from "../../postgres/migration/change-sql.ts";
import type { WritingRole } from "../../postgres/migration/write-probe.ts";
import { withConnection } from "../../postgres/session.ts";
import { expand } from "../expand.ts";
import { migration } from "../migration.ts";
import type { RehearsalSpec } from "../rehearsal.ts";
import type { StepDeps } from "../step.ts";
import { RehearsalRun } from "./rehearsal-parts.ts";
import { type RehearsedSuite, rehearseSuite } from "./rehearsal-suite.ts";

/** The steps after which the application's tests run: old and new values side by side, then the new ones alone. */
const SUITE_AFTER = ["expand", "verification"];

/** What the rehearsal has to know of the database itself. */
export interface Live {
  rows: number;
  writers: WritingRole[];
}

/** A copy that was just restored. */
export interface Copy {
  throwaway: ThrowawayCluster;
  restored: Restored;
}

async function prepare(spec: RehearsalSpec, copy: Copy, live: Live): Promise<Manifest> {
  const { restored } = copy;
  const { manifest } = restored;
  const admin = await connect(restored.adminUrl);
  const discarded = await prepareCopy(admin, restored, {
    change: spec.change,
    writers: live.writers,
    appTriggers: spec.migration.appTriggers,
  }).finally(() => admin.end());
  const owner = await connect(restored.url);
  // The planner is to know the table as it does in earnest.
  await owner.query(`ANALYZE ${tableName(spec.change)}`).finally(() => owner.end());
  return discarded ? withoutSchema(manifest, "rollout") : manifest;
}

/**
 * Forward, back, compared, forward again, with the application's tests where they can be run.
 * @throws {StepError} when a step refuses or fails, when the way back is not exact, or when a test fails.
 */
export async function runCourse(spec: RehearsalSpec, copy: Copy, live: Live, deps: StepDeps) {
  const { restored, throwaway } = copy;
  const { change, specVersion, identity, generation, deadlineSeconds } = spec;
  const manifest = await prepare(spec, copy, live);
  const fields = { specVersion, identity, generation, deadlineSeconds, change, migration: spec.migration };
  const run = new RehearsalRun({ url: restored.url, spec: fields, deps });
  const look = { connect: () => connect(restored.url) };
  const start = await withConnection(look, readCopyState);
  await run.forward(1);
  const first = run.resultOf(migration);
  const { trials } = run.resultOf(expand);
  await run.back();
  const differences = await withConnection(look, (client) =>
    compareCopy(client, start, manifest, { signal: deps.signal, leftOut: restored.leftOut }),
  );
  if (differences.length > 0) throw inexact(differences);
  deps.log("rehearsal: back as it was, every row of every table");
  const suites: RehearsedSuite[] = [];
  const admin = await connect(throwaway.cluster.url());
  try {
    const { suite, release } = spec;
    const folder = throwaway.cluster.directory;
    await run.forward(2, async (step) => {
      if (!suite || !SUITE_AFTER.includes(step)) return;
      const ran = await rehearseSuite({ suite, release, target: restored, admin, folder, deps }, step);
      if (ran) suites.push(ran);
    });
  } finally {
    await admin.end().catch(() => undefined);
  }
  return { parts: run.parts, first, trials, suites };
}

function inexact(differences: string[]): StepError {
  return new StepError(
    `rehearsal: expected the way back to leave the copy exactly as it was restored, got: ${shorten(differences)}. ` +
      "The database itself was not touched. Find what else reacts to a change of the table, then run `rollout up` again.",
  );
}
