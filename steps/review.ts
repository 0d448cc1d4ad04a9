import type { Client } from "pg";
import { z } from "zod";
import { ReviewSection } from "../config/review.ts";
import { StepError } from "../errors/step-error.ts";
import { entryKey, isDoneWith } from "../ledger/entries.ts";
import { readRevisions } from "../postgres/migration/alembic.ts";
import { readChangeRecord } from "../postgres/migration/change-record.ts";
import { findVersionTable, versionTableBlocker } from "../postgres/migration/version-table.ts";
import { withConnection } from "../postgres/session.ts";
import { type AlembicEnvironment, judgeEnvironment, readEnvironment } from "../review/alembic-env.ts";
import { readRevisionFolder } from "../review/alembic-folder.ts";
import { judgeOrder } from "../review/alembic-order.ts";
import { judgeScript } from "../review/alembic-script.ts";
import { searchCode } from "../review/code-search.ts";
import { findConvention, type NamingConvention } from "../review/constraint-name.ts";
import { searchDatabase } from "../review/database-reads.ts";
import { clip, type Finding, refusalOf } from "../review/finding.ts";
import { judgePlan, lintPlan } from "../review/plan-lint.ts";
import { renderReview, summarise } from "../review/render.ts";
import { placeExists, readTree } from "../review/source-tree.ts";
import { judgeCatalogue, splitBlocker, surveyTarget } from "../review/target-survey.ts";
import { ChangeStepSpec } from "./migration/change-spec.ts";
import { rightsOf } from "./migration/target-rights.ts";
import { defineStep, HOUR, type Observation, type StepDeps } from "./step.ts";

export const ReviewSpec = ChangeStepSpec.extend({
  review: ReviewSection,
  /** Commit that runs now: what `{release}` in the places stands for. */
  release: z.string().min(1),
});
export type ReviewSpec = z.infer<typeof ReviewSpec>;

export interface ReviewResult {
  /** Findings for a person to judge; one that stops is never in a result. */
  notes: number;
  byTopic: Record<string, number>;
  /** Files of the application that were searched. */
  files: number;
  /** Paths in the evidence folder. */
  report: { text: string; json: string };
}

const inRelease = (place: string, { release }: ReviewSpec) => place.replaceAll("{release}", release);

async function judgeMigrations(client: Client, spec: ReviewSpec, { signal }: StepDeps): Promise<Finding[]> {
  const { change, migration, review } = spec;
  const topic = "migrations";
  const unsure = await versionTableBlocker(client, change);
  if (unsure && migration.alembicRevision !== undefined)
    return [{ severity: "stop", topic, subject: "alembic_version", finding: unsure, remedy: "" }];
  const current = await readRevisions(client, change);
  if (review.migrations === undefined) {
    if (!current) return [];
    const remedy = "Set review.migrations to the folder of the revisions.";
    const finding = `the database uses Alembic (${clip(current.join(", "))}), but the order of migrations was not reviewed`;
    return [{ severity: "note", topic, subject: "alembic_version", finding, remedy }];
  }
  const folder = inRelease(review.migrations, spec);
  if (!(await placeExists(folder))) {
    const finding = `expected the folder ${folder} of review.migrations, got none.`;
    return [{ severity: "stop", topic, subject: folder, finding, remedy: "Check it out, or correct it." }];
  }
  const found = await readRevisionFolder(folder, { ignore: review.ignore, signal });
  const wanted = migration.alembicRevision;
  const made = (await readChangeRecord(client)) !== undefined;
  const script = found.revisions.find(({ id }) => id === wanted);
  const environment = await readEnvironment(folder);
  const convention = script && (await readConvention(script.text, environment, spec, signal));
  return [
    ...judgeOrder(found, { folder, wanted, current, made }),
    ...judgeEnvironment(environment, await findVersionTable(client, change), {
      change,
      accept: review.accept,
    }),
    ...(script ? await judgeScript(script, change, { convention, accept: review.accept }) : []),
  ];
}

/** How the application's models name a CHECK; asked only where a file leaves that to them. */
async function readConvention(
  script: string,
  environment: AlembicEnvironment | undefined,
  { review, release }: ReviewSpec,
  signal: AbortSignal,
): Promise<NamingConvention> {
  if (!script.includes("create_check_constraint")) return undefined;
  const sources = environment ? [{ path: environment.file, text: environment.text }] : [];
  for (const place of review.code) {
    const { files } = readTree(place.replaceAll("{release}", release), { ignore: review.ignore, signal });
    for await (const file of files) if (file.path.endsWith(".py")) sources.push(file);
  }
  return findConvention(sources);
}

/** The file of the revision that stands for this change. */
async function findScript(spec: ReviewSpec, { signal }: StepDeps) {
  const { migrations, ignore } = spec.review;
  if (migrations === undefined) return undefined;
  const { revisions } = await readRevisionFolder(inRelease(migrations, spec), { ignore, signal });
  return revisions.find(({ id }) => id === spec.migration.alembicRevision);
}

async function missingPlaces(spec: ReviewSpec): Promise<Finding[]> {
  const places = spec.review.code.map((place) => inRelease(place, spec));
  const there = await Promise.all(places.map(placeExists));
  return places
    .filter((_, at) => !there[at])
    .map((place) => ({
      ...{ severity: "stop", topic: "code", subject: place },
      finding: `expected a folder at ${place} of review.code, got none.`,
      remedy: "Check the source out there, or correct it.",
    }));
}

/** What can stop, without the long searches: quick enough for every preview. */
async function judge(client: Client, spec: ReviewSpec, deps: StepDeps): Promise<Finding[]> {
  const { change, migration, identity } = spec;
  const places = await missingPlaces(spec);
  const { toRead, toWrite } = await rightsOf(client, spec);
  const subject = `table ${change.schema}.${change.table}`;
  const rights = [...toRead, ...toWrite].map((blocker) => splitBlocker(subject, blocker));
  if (toRead.length > 0) return [...places, ...rights];
  return [
    ...places,
    ...rights,
    ...(await judgeMigrations(client, spec, deps)),
    ...(await judgePlan(client, spec)),
    ...(await judgeCatalogue(client, { change, migration, stack: identity.stack })),
  ];
}

const stopsOf = (findings: readonly Finding[]) => findings.filter(({ severity }) => severity === "stop");

async function observe(spec: ReviewSpec, deps: StepDeps): Promise<Observation> {
  const { code, migrations } = spec.review;
  const places = code.map((place) => inRelease(place, spec)).join(", ");
  const plan = [
    `reads the planned SQL and its locks, the catalogues${migrations ? ", the order of migrations" : ""}` +
      `${places ? `, and searches ${clip(places, 200)} for reads that will notice` : ""} (read-only)`,
  ];
  // A finding of its day: it never drifts, and once done it is not taken anew at every preview.
  if (isDoneWith(deps.evidence.entries().get(entryKey(spec.identity)), spec)) {
    return { drift: [], plan, undo: [], blockers: [] };
  }
  const findings = await withConnection(deps, (client) => judge(client, spec, deps));
  return { drift: [], plan, undo: [], blockers: stopsOf(findings).map(refusalOf), estimateSeconds: 2 };
}

async function collect(spec: ReviewSpec, deps: StepDeps) {
  const { change, review } = spec;
  const places = review.code.map((place) => inRelease(place, spec));
  const code = await searchCode(change, { places, ignore: review.ignore, signal: deps.signal });
  const findings = await withConnection(deps, async (client) => [
    ...(await judge(client, spec, deps)),
    ...(await lintPlan(client, spec, await findScript(spec, deps), deps.signal)),
    ...(await surveyTarget(client, change)),
    ...(await searchDatabase(client, change)),
  ]);
  return { findings: [...findings, ...code.findings], code };
}

async function save(
  findings: Finding[],
  { files, more }: { files: number; more: number },
  deps: StepDeps,
): Promise<ReviewResult["report"]> {
  const takenAt = deps.now().toISOString();
  const facts = [
    files === 0
      ? "no source was searched: review.code is empty"
      : `${files} files of source were searched${more > 0 ? `; ${more} further reads are not listed` : ""}`,
  ];
  return {
    text: await deps.saveArtifact("review.txt", renderReview(findings, facts, takenAt)),
    json: await deps.saveArtifact(
      "review.json",
      `${JSON.stringify({ version: 1, takenAt, files, more, findings }, null, 1)}\n`,
    ),
  };
}

async function apply(spec: ReviewSpec, deps: StepDeps): Promise<ReviewResult> {
  const { findings, code } = await collect(spec, deps);
  const report = await save(findings, code, deps);
  for (const line of summarise(findings, report.text)) deps.log(line);
  const stops = stopsOf(findings);
  if (stops.length > 0) {
    const lines = stops.map((finding) => `  - ${refusalOf(finding)}`);
    throw new StepError(`review: nothing was changed (report: ${report.text}).\n${lines.join("\n")}`);
  }
  const byTopic: Record<string, number> = {};
  for (const { topic } of findings) byTopic[topic] = (byTopic[topic] ?? 0) + 1;
  return { notes: findings.length, byTopic, files: code.files, report };
}

/**
 * Looks at everything that phase 1 is about to do, and at who will notice: the order of migrations, the planned SQL
 * and its locks, the table and its server, the application's code. Read-only.
 * @see runbook 1.1; docs/review.md
 */
export const review = defineStep({
  name: "review",
  spec: ReviewSpec,
  lease: false,
  deadlineSeconds: HOUR,
  observe,
  apply,
  async undo() {
    return { summary: "nothing to undo: the review only reads", kept: [] };
  },
});
