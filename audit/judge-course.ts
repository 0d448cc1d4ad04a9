import type { AuditSection } from "../config/audit.ts";
import type { AuditPoint } from "../ledger/audit-point.ts";
import type { Toggles } from "./find-toggles.ts";
import { isUnseen, listSome, point, type Unseen, unknownPoint } from "./judge-data.ts";

/** Point 5. Pure. */
export function judgeTickets(
  tickets: { count: number; source: string } | Unseen,
  { fewerThan }: AuditSection["tickets"],
): AuditPoint {
  const frame = {
    ...{ number: 5, title: "Hardly any support tickets about the change" },
    expected: `fewer than ${fewerThan} in the past week`,
  };
  if (isUnseen(tickets)) return unknownPoint(frame, tickets.unseen);
  const { count, source } = tickets;
  return point(frame, count < fewerThan ? "green" : "red", `${count} (${source})`);
}

/** Point 6. Pure. */
export function judgeToggles({ since, found, finished }: Toggles, days: number): AuditPoint {
  const frame = {
    ...{ number: 6, title: "Nothing was rolled back, no flag was toggled" },
    expected: `no undo and no other flag value in the past ${days} days`,
  };
  const evidence = found.map(({ record }) => record);
  if (found.length > 0) {
    const seen = `${found.length} since ${since}: ${listSome(found.map(({ what }) => what))}`;
    return point(frame, "red", seen, evidence);
  }
  const seen = `none since ${since}`;
  return finished ? point(frame, "green", seen) : unknownPoint(frame, `${seen}, but phase 4 is not finished`);
}

/** What became of a run of the test suite. */
export type SuiteOutcome =
  | { passed: number; ran: number; knownFailures: string[]; flaky: string[]; report: string; release: string }
  | { failed: string; evidence: string[] };

/** Point 7. Known failures are excused, and named. Pure. */
export function judgeSuiteRun(outcome: SuiteOutcome | Unseen): AuditPoint {
  const frame = {
    ...{ number: 7, title: "The regression tests pass" },
    expected: "every test of the running release, but for the known failures",
  };
  if (isUnseen(outcome)) return unknownPoint(frame, outcome.unseen);
  if ("failed" in outcome) return point(frame, "red", outcome.failed, outcome.evidence);
  const { passed, ran, knownFailures, flaky, report, release } = outcome;
  const known = knownFailures.length > 0 ? `; known failures: ${listSome(knownFailures)}` : "";
  const shaky = flaky.length > 0 ? `; flaky: ${listSome(flaky)}` : "";
  const seen = `${passed} of ${ran} tests passed at ${release.slice(0, 12)}${known}${shaky}`;
  return point(frame, "green", seen, [report]);
}
