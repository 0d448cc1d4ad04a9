import { readFile } from "node:fs/promises";
import type { Client } from "pg";
import { z } from "zod";
import { NoticeSection } from "../config/notice.ts";
import { TimeZone } from "../config/window.ts";
import { type Entry, entryKey } from "../ledger/entries.ts";
import { Change } from "../postgres/change.ts";
import { countRows } from "../postgres/counts.ts";
import { backfillSeconds, validateSeconds } from "../postgres/estimate.ts";
import { readTargetFacts } from "../postgres/preflight-facts.ts";
import { withConnection } from "../postgres/session.ts";
import { type Estimate, impactFields, renderNotice, timeFields } from "./notice-text.ts";
import { composeMessage, findMessage, messageId, putMessage } from "./outbox.ts";
import { ReportPath } from "./report-file.ts";
import { BaseSpec, type Observation, type Step, type StepDeps, StepError, type UndoResult } from "./step.ts";

export const NoticeSpec = BaseSpec.extend({
  change: Change,
  notice: NoticeSection.omit({ smtp: true, timeZone: true }),
  /** Time zone shown beside UTC. */
  timeZone: TimeZone,
  /** Folder that the message is written to. */
  outbox: ReportPath,
  /** With strategy maintenance: longest time that stopping and starting the writers take, each. */
  stopSeconds: z.int().min(1).optional(),
});
export type NoticeSpec = z.infer<typeof NoticeSpec>;

export interface NoticeResult {
  /** The message, relative to the project's root. */
  file: string;
  subject: string;
  messageId: string;
  /** A copy of it: path in the evidence folder. */
  artifact: string;
  /** When it was announced, UTC. */
  announcedAt: string;
  estimateSeconds: number;
  estimateSource: string;
  /** For how long the application was announced to be away; 0 for the online way. */
  downtimeSeconds: number;
}

/** What is read of the rehearsal's result; whichever release wrote it. */
const RehearsedMigration = z.object({
  scale: z.number().positive(),
  parts: z.array(
    z.object({ step: z.string(), verb: z.string(), round: z.number(), seconds: z.number().min(0) }),
  ),
});

/** Longest count for the estimate; the whole look has 20 s. */
const COUNT_LIMIT_MS = 10_000;

const ownEntry = ({ identity }: NoticeSpec, { evidence }: StepDeps): Entry | undefined =>
  evidence.entries().get(entryKey(identity));

/** What was announced in this attempt: an undo forgets it, a repair or another config does not. */
function announcedBefore(spec: NoticeSpec, deps: StepDeps): NoticeResult | undefined {
  const own = ownEntry(spec, deps);
  return own && own.state !== "undone" ? (own.result as unknown as NoticeResult | undefined) : undefined;
}

/** A table too large to be counted in passing is taken at what the server knows of it, every row to be changed. */
async function countForEstimate(client: Client, change: Change) {
  try {
    const { total, invalid } = await countRows(client, change, { timeoutMs: COUNT_LIMIT_MS });
    return { total, changed: invalid, known: "" };
  } catch (error) {
    if ((error as { code?: string }).code !== "57014") throw error;
    const facts = await readTargetFacts(client, change);
    const total = Math.max(0, Math.round(facts?.estimatedRows ?? 0));
    return { total, changed: total, known: "about " };
  }
}

/** Seconds that the rehearsal took for the migration alone, scaled to the table as it is. */
function rehearsedMigration(result: Record<string, unknown> | undefined): number | undefined {
  const { data } = RehearsedMigration.safeParse(result);
  const part = data?.parts.find(
    ({ step, verb, round }) => step === "migration" && verb === "apply" && round === 1,
  );
  return data && part && part.seconds * data.scale;
}

/** Measured in the rehearsal where the phase has one, else told from the rows. */
async function estimate({ change, identity }: NoticeSpec, deps: StepDeps): Promise<Estimate> {
  const entries = [...deps.evidence.entries().values()];
  const rehearsal = entries.find(
    ({ phase, kind, state }) => phase === identity.phase && kind === "rehearsal" && state === "done",
  );
  const measured = rehearsal?.result?.estimateSeconds;
  if (typeof measured === "number") {
    const stoppedSeconds = rehearsedMigration(rehearsal?.result) ?? measured;
    return { seconds: measured, stoppedSeconds, source: "measured in the rehearsal" };
  }
  const { total, changed, known } = await withConnection(deps, (client) => countForEstimate(client, change));
  const seconds = backfillSeconds(total, changed) + validateSeconds(total);
  return {
    seconds,
    stoppedSeconds: seconds,
    source: `estimated from ${known}${total.toLocaleString("en-US")} rows, not rehearsed`,
  };
}

async function readTemplate(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new StepError(
      `notice: expected a template in ${path}, got none that can be read. Correct notice.template.`,
      { cause },
    );
  }
}

/** Nobody can rehearse how long a service takes to stop and to start: it is announced at its longest. */
function withStops({ seconds, source, ...rest }: Estimate, stopSeconds: number): Estimate {
  return {
    ...rest,
    seconds: seconds + 2 * stopSeconds,
    source: `${source}, and up to ${stopSeconds} s each to stop and to start`,
  };
}

async function prepare(spec: NoticeSpec, deps: StepDeps) {
  const { change, notice, identity, timeZone, stopSeconds } = spec;
  const template = await readTemplate(notice.template);
  const expected = await estimate(spec, deps);
  const downtimeSeconds = stopSeconds === undefined ? 0 : expected.stoppedSeconds + 2 * stopSeconds;
  const about = stopSeconds === undefined ? expected : withStops(expected, stopSeconds);
  const fields = {
    ...{ application: notice.application, team: notice.team, stack: identity.stack },
    ...{ table: change.table, column: change.column },
    ...impactFields(downtimeSeconds),
    ...timeFields(deps.now(), about, timeZone),
  };
  return { ...renderNotice(template, fields, notice.template), fields, about, downtimeSeconds };
}

async function observe(spec: NoticeSpec, deps: StepDeps): Promise<Observation> {
  const before = announcedBefore(spec, deps);
  if (before) {
    return { drift: [], plan: [], undo: [`keep the notice ${before.file}: it has gone out`], blockers: [] };
  }
  try {
    const { subject, fields } = await prepare(spec, deps);
    const plan = [
      `announce, once: ${subject}`,
      `to ${spec.notice.to.join(", ") || "undisclosed recipients"}, into ${spec.outbox}; impact ${fields.impact}; ${fields.duration} (${fields.estimate})`,
    ];
    return { drift: [], plan, undo: [], blockers: [], estimateSeconds: 1 };
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    return { drift: [], plan: [], undo: [], blockers: [error.message] };
  }
}

async function announce(spec: NoticeSpec, deps: StepDeps): Promise<NoticeResult> {
  const { identity, notice, outbox } = spec;
  const { subject, text, about, downtimeSeconds } = await prepare(spec, deps);
  const date = deps.now();
  // Begins anew with each attempt and stays through repairs: who broke off after writing finds what it wrote.
  const since = ownEntry(spec, deps)?.since ?? 0;
  const occasion = `${identity.stack}/${entryKey(identity)}/${since}`;
  const from = { name: notice.team, address: notice.from };
  const id = messageId({ from, occasion });
  const content = await composeMessage({ from, to: notice.to, subject, text, date, occasion });
  const name = `${date.toISOString().slice(0, 10)}-maintenance-notice`;
  const file = findMessage(outbox, id) ?? putMessage(outbox, name, content);
  const artifact = await deps.saveArtifact("maintenance-notice.eml", content);
  deps.log(`announced: ${subject} (${file})`);
  return {
    ...{ file, subject, messageId: id, artifact, announcedAt: date.toISOString() },
    ...{ estimateSeconds: about.seconds, estimateSource: about.source, downtimeSeconds },
  };
}

async function apply(spec: NoticeSpec, deps: StepDeps): Promise<NoticeResult> {
  const before = announcedBefore(spec, deps);
  if (!before) return announce(spec, deps);
  deps.log(`announced before, ${before.announcedAt}: not again in this attempt (${before.file})`);
  return before;
}

async function undo(_: NoticeSpec, __: StepDeps, result?: NoticeResult): Promise<UndoResult> {
  if (!result) return { summary: "nothing was announced", kept: [] };
  const reason = "what has gone out can't be taken back: tell its readers that the change was";
  return { summary: `kept the notice ${result.file}`, kept: [{ subject: result.file, reason }] };
}

/**
 * Announces phase 1 to the users, once in each attempt, before anything is changed.
 * @see runbook 1.5; docs/notice.md
 */
export const notice: Step<NoticeSpec, NoticeResult> = {
  name: "notice",
  spec: NoticeSpec,
  lease: false,
  observe,
  apply,
  undo,
};
