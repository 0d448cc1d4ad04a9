import { z } from "zod";
import type { PointOutcome } from "../browser/point-run.ts";
import { BrowserChecklistSection } from "../config/browser-checklist.ts";
import { SmokeTestSection } from "../config/smoke-test.ts";
import { StepError } from "../errors/step-error.ts";
import { type Checklist, pointsOf, untickedLine } from "../ledger/checklist.ts";
import { entryKey, isDoneWith } from "../ledger/entries.ts";
import { evidenceFolder } from "../ledger/store.ts";
import { Change } from "../postgres/migration/change.ts";
import { resultOf } from "./recorded.ts";
import {
  checklistBlockers,
  describeBrowser,
  findLostPictures,
  replacedBlockers,
} from "./smoke/browser-readiness.ts";
import { type TestDeals, undoTestDeals, withTestDeals } from "./smoke/test-deals.ts";
import { BaseSpec, defineStep, HOUR, type Observation, type StepDeps, type UndoResult } from "./step.ts";

export const BrowserChecklistSpec = BaseSpec.extend({
  change: Change,
  /** The application's address as its users reach it. */
  app: z.strictObject({ url: z.string() }),
  browserChecklist: BrowserChecklistSection.optional(),
  /** How the smoke test tells and removes its deals: these are removed in the same way. */
  testDeals: z
    .strictObject({
      field: z.string(),
      remove: SmokeTestSection.shape.remove,
      tokenVariable: SmokeTestSection.shape.tokenVariable,
    })
    .optional(),
  /** Another release is looked at anew; the flag is not. */
  basis: z.strictObject({ release: z.string() }),
  /** Where nobody is there to tick the points, the run does it in this name. */
  checkedBy: z.string().optional(),
});
export type BrowserChecklistSpec = z.infer<typeof BrowserChecklistSpec>;

export interface BrowserChecklistResult extends Checklist {
  /** Version of the browser. */
  browser: string;
  /** Every point, with the time it took, its pictures, and how many pages axe scanned without a violation. */
  checked: Omit<PointOutcome, "faults">[];
  /** Path of the whole run in the evidence folder. */
  report: string;
  /** Test deals that were removed, those of a killed run included. */
  removed: number;
  /** Points that nobody has ticked yet: what the gate says where nobody looks again. */
  gate: string[];
}

/** What is read again of it. */
const BrowserChecklistRecord = z.object({
  checked: z.array(
    z.object({ screenshots: z.array(z.object({ path: z.string(), sha256: z.string() })), point: z.string() }),
  ),
});
type BrowserChecklistRecord = z.infer<typeof BrowserChecklistRecord>;

/** A spec that nothing is missing of. */
export interface ReadySpec extends BrowserChecklistSpec {
  browserChecklist: BrowserChecklistSection;
  testDeals: NonNullable<BrowserChecklistSpec["testDeals"]>;
}

/** Seconds that a point takes, more or less, on a small machine. */
const POINT_SECONDS = 3;

const subjectOf = ({ basis }: BrowserChecklistSpec) => `release ${basis.release.slice(0, 12)}`;

const dealsOf = ({ change, app, testDeals, browserChecklist }: ReadySpec): TestDeals => ({
  ...{ change, app, removal: testDeals, step: "browser-checklist" },
  marker: { field: testDeals.field, prefix: browserChecklist.markerPrefix },
});

const isReady = (spec: BrowserChecklistSpec): spec is ReadySpec =>
  spec.browserChecklist !== undefined && spec.testDeals !== undefined;

/** No browser is started: a preview takes no time for it. */
async function observe(spec: BrowserChecklistSpec, deps: StepDeps): Promise<Observation> {
  const entry = deps.evidence.entries().get(entryKey(spec.identity));
  const undo = entry?.state === "half-done" ? ["removes test deals that a killed run left"] : [];
  const points = spec.browserChecklist?.points ?? [];
  const plan = [
    `runs ${points.length} points at ${spec.app.url} in ${await describeBrowser(spec)}, with test deals that are removed`,
    ...points.map(({ name }, index) => `point ${index + 1}: ${name}`),
  ];
  if (isDoneWith(entry, spec)) {
    const { checked } = resultOf(browserChecklist, entry) ?? { checked: [] };
    const lost = await findLostPictures(evidenceFolder(spec.identity.evidenceUrl), checked);
    const open = pointsOf(entry, deps.evidence.records()).filter(({ tick }) => !tick);
    const blockers = lost.length > 0 ? replacedBlockers(spec, deps) : [];
    return { drift: lost, plan, undo, blockers, gate: open.map(untickedLine) };
  }
  const blockers = await checklistBlockers(spec, deps);
  return { drift: [], plan, undo, blockers, estimateSeconds: POINT_SECONDS * points.length };
}

const passed = ({ faults }: PointOutcome) => faults.length === 0;

function refuse(points: readonly PointOutcome[], left: readonly string[], report: string): void {
  const failed = points.filter((point) => !passed(point));
  if (failed.length + left.length === 0) return;
  const lines = failed.flatMap(({ point, faults, screenshots }) => [
    `  - ${point} (${screenshots.at(-1)?.path ?? "no picture"})`,
    ...faults.map(({ expected, seen }) => `      expected ${expected}, got ${seen}`),
  ]);
  throw new StepError(
    `browser-checklist: expected all of ${points.length} points to be as they should be, got ${failed.length} that are not:\n` +
      `${[...lines, ...left.map((line) => `  - ${line}`)].join("\n")}\n` +
      `Mend the interface, or browserChecklist where a point is wrong, and run again; or lower the phase. ` +
      `The whole run: ${report} (as the pictures in the evidence folder)`,
  );
}

async function runPoints(spec: ReadySpec, deps: StepDeps) {
  // Playwright is loaded by who runs a browser: every preview would wait for it.
  const { runChecklist } = await import("../browser/checklist-run.ts");
  const options = { section: spec.browserChecklist, url: spec.app.url, deps };
  const { value, removed, left } = await withTestDeals(dealsOf(spec), deps, () => runChecklist(options));
  return { ...value, removed, left };
}

async function apply(spec: BrowserChecklistSpec, deps: StepDeps): Promise<BrowserChecklistResult> {
  const blockers = await checklistBlockers(spec, deps);
  if (blockers.length > 0 || !isReady(spec)) throw new StepError(blockers.join("\n"));
  const { points, browser, removed, left } = await runPoints(spec, deps);
  const subject = subjectOf(spec);
  const content = { version: 1, takenAt: deps.now().toISOString(), subject, browser, points, left };
  const report = await deps.saveArtifact("browser-checklist.json", `${JSON.stringify(content, null, 1)}\n`);
  refuse(points, left, report);
  deps.log(`browser-checklist: all ${points.length} points are as they should be (${report})`);
  const { checkedBy } = spec;
  const { humanPoints } = spec.browserChecklist;
  return {
    ...{ browser, report, removed, subject, points: humanPoints },
    checked: points.map(({ faults: _, ...point }) => point),
    ...(checkedBy === undefined ? {} : { checkedBy }),
    gate: checkedBy === undefined ? humanPoints.map((point) => untickedLine({ point })) : [],
  };
}

async function undo(
  spec: BrowserChecklistSpec,
  deps: StepDeps,
  result?: BrowserChecklistRecord,
): Promise<UndoResult> {
  const finished = deps.evidence.entries().get(entryKey(spec.identity))?.doneNumber !== undefined;
  // A run that ended well has removed its deals: going back needs neither database nor application for it.
  if (!isReady(spec) || (finished && result))
    return { summary: "nothing to undo: its test deals were removed", kept: [] };
  return undoTestDeals(dealsOf(spec), deps);
}

/**
 * Does in a browser what a person would, and looks for what a person would see: the configured points, each in a
 * session of its own, with pictures, an axe scan, and no error on the way. Test deals bear a marker and are always
 * removed, after a crash by the next run or by the undo. What only a person can judge are points of the gate.
 * @see runbook 3.3; docs/browser-checklist.md
 */
export const browserChecklist = defineStep({
  name: "browser-checklist",
  spec: BrowserChecklistSpec,
  result: BrowserChecklistRecord,
  lease: false,
  deadlineSeconds: HOUR,
  observe,
  apply,
  undo,
});
