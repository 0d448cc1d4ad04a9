import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { StepError } from "../../errors/step-error.ts";
import { type Entry, entryKey } from "../../ledger/entries.ts";
import { evidenceFolder } from "../../ledger/store.ts";
import type { StepIdentity } from "../step.ts";
import { compareSuites, type SuiteComparison } from "./compare-suites.ts";
import { listLines } from "./suite-judgement.ts";
import type { SuiteRecord, TestResult } from "./suite-results.ts";
import { pairNames } from "./test-names.ts";

interface Compared {
  identity: StepIdentity;
  baseline?: { phase: string; step: string } | undefined;
}

const Reported = z.object({ report: z.object({ json: z.string() }) });

async function readBaseline(
  { phase, step }: { phase: string; step: string },
  identity: StepIdentity,
  entries: ReadonlyMap<string, Entry>,
): Promise<SuiteRecord> {
  const report = Reported.safeParse(entries.get(entryKey({ phase, step }))?.result).data?.report;
  const path = report && join(evidenceFolder(identity.evidenceUrl), report.json);
  try {
    return JSON.parse(await readFile(path ?? "", "utf8")) as SuiteRecord;
  } catch (cause) {
    throw new StepError(
      `test-suite: expected the baseline of ${phase}/${step} in the evidence, got ${path ?? "none"}, which cannot be read. ` +
        "Run `rollout verify`: it names what is missing.",
      { cause },
    );
  }
}

/** How a run differs from the one before the rollout; undefined where it is compared with none. */
export async function compareWithBaseline(
  { identity, baseline }: Compared,
  tests: readonly TestResult[],
  entries: ReadonlyMap<string, Entry>,
): Promise<SuiteComparison | undefined> {
  if (!baseline) return undefined;
  return compareSuites((await readBaseline(baseline, identity, entries)).tests, tests);
}

/**
 * Why a run is worse than its baseline: lines without the step's name. A test that is gone shows nothing any more,
 * unless it is gone on purpose. Pure.
 */
export function comparisonFaults(
  comparison: SuiteComparison | undefined,
  retired: readonly { test: string }[],
): string[] {
  const vanished = comparison?.vanished ?? [];
  const listed = retired.map(({ test }) => test);
  const excused = pairNames(listed, vanished);
  const lost = vanished.filter((id) => !excused.has(id));
  const skipped = comparison?.newlySkipped ?? [];
  return [
    ...(lost.length > 0
      ? [
          `expected every test of the baseline to be there, got ${lost.length} that vanished:\n${listLines(lost)}\n` +
            "Bring them back, or list them in testSuite.retired with test and reason",
        ]
      : []),
    ...(skipped.length > 0
      ? [
          `expected every test of the baseline to run, got ${skipped.length} skipped:\n${listLines(skipped)}\nLet them run`,
        ]
      : []),
  ];
}

/** `compared with the baseline: 3 added, 1 known failure passes now`. Pure. */
export function sayComparison({
  added,
  vanished,
  knownNowPassing,
  stillFailing,
  renamed,
}: SuiteComparison): string {
  const parts = [
    [added.length, "added"],
    [vanished.length, "gone"],
    [stillFailing.length, "known to fail still do"],
    [knownNowPassing.length, "that failed pass now"],
    [renamed.length, "under a name that changes from run to run"],
  ].filter(([count]) => Number(count) > 0);
  const said = parts.map(([count, what]) => `${count} ${what}`).join(", ");
  return `compared with the baseline, test by test: ${said || "the same"}`;
}
