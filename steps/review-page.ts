import { existsSync, readFileSync, renameSync } from "node:fs";
import { relative, resolve } from "node:path";
import { z } from "zod";
import { PlanSection } from "../config/plan.ts";
import { entryKey } from "../ledger/entries.ts";
import { recordsBefore } from "../ledger/evidence-slice.ts";
import { ReportPath, writeReport } from "../ledger/report-file.ts";
import { evidenceFolder } from "../ledger/store.ts";
import { reviewHtml } from "../retrospect/review-html.ts";
import { reviewMarkdown } from "../retrospect/review-markdown.ts";
import { LESSONS_TEMPLATE, type ReviewModel, reviewModel } from "../retrospect/review-model.ts";
import { sha256Of } from "../system/sha256.ts";
import { resultOf } from "./recorded.ts";
import { shownBasis } from "./report/shown-basis.ts";
import { BaseSpec, type Drift, defineStep, MINUTE, type Observation, type StepDeps } from "./step.ts";

export const ReviewPageSpec = BaseSpec.extend({
  /** `schema.table.column`. */
  subject: z.string().min(1),
  environment: z.string().min(1),
  plan: PlanSection,
  /** Folder of the stack's reports. */
  folder: ReportPath,
  /** Steps of the same phase that come before. */
  after: z.array(z.string().min(1)),
});
export type ReviewPageSpec = z.infer<typeof ReviewPageSpec>;

export interface ReviewPageResult {
  /** The pages, relative to the project's root. */
  markdown: string;
  html: string;
  criteria: { title: string; status: string }[];
  incidents: number;
  /** SHA-256 of each page as it was written, by its name: what else is there was written by people. */
  written: Record<string, string>;
  /** SHA-256 of lessons.md as it was put in. */
  lessons: string;
  basis: Record<string, number>;
}

/** What is read again of it. */
const ReviewPageRecord = z.object({
  written: z.record(z.string(), z.string()),
  lessons: z.string(),
  basis: z.record(z.string(), z.number()),
});
type ReviewPageRecord = z.infer<typeof ReviewPageRecord>;

const MARKDOWN = "review.md";
const HTML = "review.html";
const LESSONS = "lessons.md";

const read = (file: string) => (existsSync(file) ? readFileSync(file, "utf8") : undefined);

const pathOf = ({ folder }: ReviewPageSpec, name: string) => `${folder}/${name}`;
const readLessons = (spec: ReviewPageSpec) => read(resolve(pathOf(spec, LESSONS)));

/** The pages themselves are no part of it: another clone has the evidence in common, and no file at all. */
function findDrift(spec: ReviewPageSpec, { basis, lessons }: ReviewPageRecord, deps: StepDeps): Drift[] {
  const now = shownBasis(spec, deps.evidence.entries());
  const redone = Object.keys(now).filter((key) => now[key] !== basis[key]);
  const text = readLessons(spec);
  return [
    ...(redone.length > 0
      ? [{ expected: "a page of what holds now", observed: `${redone.join(", ")} done since` }]
      : []),
    ...(text !== undefined && sha256Of(text) !== lessons
      ? [{ expected: `${pathOf(spec, LESSONS)} as it is in the page`, observed: "written on since" }]
      : []),
  ];
}

async function observe(spec: ReviewPageSpec, deps: StepDeps): Promise<Observation> {
  const own = deps.evidence.entries().get(entryKey(spec.identity));
  const result = own?.state === "done" ? resultOf(reviewPage, own) : undefined;
  const drift = result ? findDrift(spec, result, deps) : [];
  const undo = result ? [`keep ${pathOf(spec, MARKDOWN)}, ${pathOf(spec, LESSONS)}`] : [];
  if (result && drift.length === 0) return { drift, plan: [], undo, blockers: [] };
  const plan = [
    `write ${pathOf(spec, MARKDOWN)} and .html from the evidence; ${pathOf(spec, LESSONS)} stays as people wrote it`,
  ];
  return { drift, plan, undo, blockers: [], estimateSeconds: 1 };
}

/** SHA-256 of every page of that name that this step has written, in earlier attempts too: those stay when it is undone. */
function writtenAs(name: string, { identity }: ReviewPageSpec, { evidence }: StepDeps): string[] {
  return evidence.records().flatMap((record) => {
    if (record.record !== "end" || entryKey(record) !== entryKey(identity)) return [];
    return resultOf(reviewPage, record)?.written[name] ?? [];
  });
}

/** A page that is not as it was written was edited: it keeps what it says under another name. */
function keepEdited(spec: ReviewPageSpec, name: string, ours: readonly string[], deps: StepDeps): void {
  const file = resolve(pathOf(spec, name));
  const text = read(file);
  if (text === undefined || ours.includes(sha256Of(text))) return;
  const [stem, ending] = name.split(".");
  let turn = 1;
  while (existsSync(resolve(pathOf(spec, `${stem}.edited-${turn}.${ending}`)))) turn += 1;
  const kept = `${stem}.edited-${turn}.${ending}`;
  renameSync(file, resolve(pathOf(spec, kept)));
  deps.log(`review page: ${name} was edited by hand: kept as ${pathOf(spec, kept)}`);
}

function makeModel(spec: ReviewPageSpec, lessons: string, { evidence }: StepDeps): ReviewModel {
  const { identity, environment, subject, plan, folder } = spec;
  const records = recordsBefore(evidence.records(), identity);
  const link = relative(resolve(folder), evidenceFolder(identity.evidenceUrl));
  return reviewModel({ records, plan, stack: identity.stack, environment, subject, lessons, evidence: link });
}

async function apply(spec: ReviewPageSpec, deps: StepDeps): Promise<ReviewPageResult> {
  const there = readLessons(spec);
  const lessons = there ?? LESSONS_TEMPLATE;
  if (there === undefined) writeReport(pathOf(spec, LESSONS), lessons);
  const model = makeModel(spec, lessons, deps);
  const pages = { [MARKDOWN]: reviewMarkdown(model), [HTML]: reviewHtml(model) };
  for (const [name, text] of Object.entries(pages)) {
    // As a run before wrote it, or as this one would: it may have been killed just after.
    keepEdited(spec, name, [...writtenAs(name, spec, deps), sha256Of(text)], deps);
    writeReport(pathOf(spec, name), text);
  }
  const met = model.criteria.filter(({ status }) => status === "met").length;
  deps.log(
    `review page ${pathOf(spec, HTML)}: ${met} of ${model.criteria.length} criteria met, ${model.incidents.length} incidents; lessons go into ${pathOf(spec, LESSONS)}`,
  );
  return {
    ...{ markdown: pathOf(spec, MARKDOWN), html: pathOf(spec, HTML), incidents: model.incidents.length },
    criteria: model.criteria.map(({ title, status }) => ({ title, status })),
    written: Object.fromEntries(Object.entries(pages).map(([name, text]) => [name, sha256Of(text)])),
    ...{ lessons: sha256Of(lessons), basis: shownBasis(spec, deps.evidence.entries()) },
  };
}

/**
 * The page for the review a week later: plan and course, incidents, who ticked what, success criteria, and the lessons
 * that people write, which nothing ever writes over.
 * @see runbook "Post-Deployment Review"; docs/review-page.md
 */
export const reviewPage = defineStep({
  name: "review-page",
  spec: ReviewPageSpec,
  result: ReviewPageRecord,
  lease: false,
  deadlineSeconds: 5 * MINUTE,
  restates: true,
  observe,
  apply,
  async undo(spec) {
    const kept = [MARKDOWN, HTML, LESSONS]
      .map((name) => pathOf(spec, name))
      .filter((file) => existsSync(resolve(file)))
      .map((subject) => ({ subject, reason: "reports are kept" }));
    return { summary: kept.length > 0 ? `kept ${kept.length} files` : "no page to keep", kept };
  },
});
