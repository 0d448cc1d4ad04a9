import type { RolloutConfig } from "../config/schema.ts";
import { StepError } from "../errors/step-error.ts";
import type { Entry, EvidenceReader } from "../ledger/entries.ts";
import type { StepDeps } from "../steps/step.ts";
import { testSuite } from "../steps/test-suite.ts";
import type { SuiteOutcome } from "./judge-course.ts";
import type { Unseen } from "./judge-data.ts";

/** The commit that the newest switch of releases, not undone, made the running one. Pure. */
function runningRelease(evidence: EvidenceReader): string | undefined {
  const switches = [...evidence.entries().values()].filter(
    ({ kind, state }: Entry) => kind === "release-switch" && state === "done",
  );
  return switches.sort((a, b) => b.since - a.since)[0]?.spec.to as string | undefined;
}

/** How many tests of this release ran when the rollout proved it; the number in the config is the baseline's. Pure. */
function provenTests(release: string, evidence: EvidenceReader): number | undefined {
  const suites = [...evidence.entries().values()].filter(
    ({ kind, state, result }) => kind === "test-suite" && state === "done" && result?.release === release,
  );
  return suites.sort((a, b) => b.since - a.since)[0]?.result?.ran as number | undefined;
}

const DAY = 86_400;

/** Runs the suite of the running release once more, as the rollout runs it. */
export async function runTests(config: RolloutConfig, deps: StepDeps): Promise<SuiteOutcome | Unseen> {
  const { testSuite: suite, stack } = config;
  if (!suite) return { unseen: "the stack config has no testSuite" };
  const release = runningRelease(deps.evidence) ?? config.releases.baseline;
  const identity = { stack, phase: "audit", step: "test-suite", evidenceUrl: config.evidence.url };
  const expected = provenTests(release, deps.evidence) ?? suite.expected;
  const spec = {
    ...{ specVersion: 1 as const, identity, generation: 1, deadlineSeconds: DAY, release },
    suite: { ...suite, ...(expected === undefined ? {} : { expected }) },
  };
  const { blockers } = await testSuite.observe(spec, deps);
  if (blockers.length > 0) return { unseen: blockers[0]?.replace(/^test-suite: /, "") ?? "" };
  try {
    const { passed, ran, knownFailures, flaky, report } = await testSuite.apply(spec, deps);
    return { passed, ran, knownFailures, flaky, report: report.json, release };
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    const lines = error.message.split("\n");
    const evidence = lines.flatMap((line) =>
      [...line.matchAll(/artifacts\/[\w.-]*\w/g)].map(([path]) => path),
    );
    const text = lines.filter((line) => !line.startsWith("Report:")).map((line) => line.trim());
    return {
      failed: text
        .join(" ")
        .replace(/^test-suite: /, "")
        .slice(0, 1000),
      evidence,
    };
  }
}
