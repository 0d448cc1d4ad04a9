import type { Client } from "pg";
import { z } from "zod";
import { NoticeSection } from "../config/notice.ts";
import { TimeZone } from "../config/window.ts";
import { evidenceFolder } from "../ledger/store.ts";
import { Delivery } from "../mail/delivery.ts";
import { composeMessage, messageId } from "../mail/message.ts";
import { sortEntries } from "../mail/recipients.ts";
import { sendMailing } from "../mail/send-mailing.ts";
import { renderTemplate } from "../mail/template.ts";
import { Change } from "../postgres/migration/change.ts";
import { countRows } from "../postgres/migration/counts.ts";
import { backfillSeconds, validateSeconds } from "../postgres/migration/estimate.ts";
import { readTargetFacts } from "../postgres/preflight-facts.ts";
import { withConnection } from "../postgres/session.ts";
import {
  describeWay,
  faultOf,
  MailSpec,
  occasionOf,
  sentBefore,
  serverFaults,
  wayOf,
} from "./mail/mail-once.ts";
import { type Estimate, impactFields, timeFields } from "./mail/notice-text.ts";
import { defineStep, MINUTE, type Observation, type StepDeps, type UndoResult } from "./step.ts";

export const NoticeSpec = MailSpec.extend({
  change: Change,
  /** An older release's spec also named the receivers here, who are in the environment now: read, and dropped. */
  notice: NoticeSection.omit({ smtp: true, timeZone: true, to: true }).strip(),
  /** Time zone shown beside UTC. */
  timeZone: TimeZone,
  /** With strategy maintenance: longest time that stopping and starting the writers take, each. */
  stopSeconds: z.int().min(1).optional(),
});
export type NoticeSpec = z.infer<typeof NoticeSpec>;

export const NoticeResult = z.object({
  /** The message in the outbox, relative to the project's root; absent when it was sent. */
  file: z.string().exactOptional(),
  /** How it was sent; absent when it was written to the outbox. */
  delivery: Delivery.omit({ file: true }).exactOptional(),
  subject: z.string(),
  messageId: z.string(),
  /** The message without its receivers: path in the evidence folder. */
  artifact: z.string(),
  /** When it was announced, UTC. */
  announcedAt: z.string(),
  estimateSeconds: z.number(),
  estimateSource: z.string(),
  /** For how long the application was announced to be away; 0 for the online way. */
  downtimeSeconds: z.number(),
});
export type NoticeResult = z.infer<typeof NoticeResult>;

/** What is read of the rehearsal's result; whichever release wrote it. */
const RehearsedMigration = z.object({
  scale: z.number().positive(),
  parts: z.array(
    z.object({ step: z.string(), verb: z.string(), round: z.number(), seconds: z.number().min(0) }),
  ),
});

/** Longest count for the estimate; the whole look has 20 s. */
const COUNT_LIMIT_MS = 10_000;

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
  const expected = await estimate(spec, deps);
  const downtimeSeconds = stopSeconds === undefined ? 0 : expected.stoppedSeconds + 2 * stopSeconds;
  const about = stopSeconds === undefined ? expected : withStops(expected, stopSeconds);
  const fields = {
    ...{ application: notice.application, team: notice.team, stack: identity.stack },
    ...{ table: change.table, column: change.column },
    ...impactFields(downtimeSeconds),
    ...timeFields(deps.now(), about, timeZone),
  };
  const use = { step: "notice", key: "notice.template", path: notice.template, docs: "docs/notice.md" };
  return { letter: await renderTemplate({ ...use, fields }), fields, about, downtimeSeconds };
}

const receiversOf = ({ mail }: StepDeps): readonly string[] => mail?.addresses.notice ?? [];

function describeReceivers(deps: StepDeps): string {
  const count = receiversOf(deps).length;
  if (count === 0) return "undisclosed recipients";
  return count === 1 ? "1 recipient" : `${count} recipients`;
}

/** What went out, as messages name it. */
const subjectOf = ({ file, delivery }: NoticeResult) =>
  file === undefined ? `the notice that was sent to ${delivery?.sent}` : `the notice ${file}`;

async function observe(spec: NoticeSpec, deps: StepDeps): Promise<Observation> {
  const before = sentBefore(notice, spec, deps);
  if (before)
    return { drift: [], plan: [], undo: [`keep ${subjectOf(before)}: it has gone out`], blockers: [] };
  const plan: string[] = [];
  const entries = receiversOf(deps).map((text, at) => ({ where: `entry ${at + 1} of notice.to`, text }));
  const { beyondAscii } = sortEntries(entries);
  const faults = await Promise.all([
    faultOf(async () => {
      const { letter, fields } = await prepare(spec, deps);
      plan.push(
        `announce, once: ${letter.subject}`,
        `to ${describeReceivers(deps)}, ${describeWay(spec)}; impact ${fields.impact}; ${fields.duration} (${fields.estimate})`,
      );
    }),
    serverFaults("notice", spec, deps, { from: spec.notice.from, beyondAscii }),
  ]);
  const blockers = faults.flat();
  return { drift: [], plan, undo: [], blockers, ...(blockers.length === 0 ? { estimateSeconds: 1 } : {}) };
}

async function announce(spec: NoticeSpec, deps: StepDeps): Promise<NoticeResult> {
  const { identity, notice } = spec;
  const { letter, about, downtimeSeconds } = await prepare(spec, deps);
  const date = deps.now();
  const occasion = occasionOf(spec, deps);
  const from = { name: notice.team, address: notice.from };
  const id = messageId(from, occasion);
  const recipients = receiversOf(deps);
  const evidence = evidenceFolder(identity.evidenceUrl);
  const mailing = { step: "notice", occasion, from, letter, recipients, evidence };
  const way = wayOf(spec, deps, { name: "maintenance-notice", open: true });
  const { file, ...delivery } = await sendMailing(mailing, way, deps);
  const content = await composeMessage({ from, to: [], letter, date, id });
  const artifact = await deps.saveArtifact("maintenance-notice.eml", content);
  deps.log(`announced: ${letter.subject} (${file ?? `sent to ${delivery.sent}`})`);
  return {
    ...(file === undefined ? { delivery } : { file }),
    ...{ subject: letter.subject, messageId: id, artifact, announcedAt: date.toISOString() },
    ...{ estimateSeconds: about.seconds, estimateSource: about.source, downtimeSeconds },
  };
}

async function apply(spec: NoticeSpec, deps: StepDeps): Promise<NoticeResult> {
  const before = sentBefore(notice, spec, deps);
  if (!before) return announce(spec, deps);
  deps.log(`announced before, ${before.announcedAt}: not again in this attempt`);
  return before;
}

async function undo(_: NoticeSpec, __: StepDeps, result?: NoticeResult): Promise<UndoResult> {
  if (!result) return { summary: "nothing was announced", kept: [] };
  const reason = "what has gone out can't be taken back: tell its readers that the change was";
  const subject = subjectOf(result);
  return { summary: `kept ${subject}`, kept: [{ subject: result.file ?? subject, reason }] };
}

/**
 * Announces phase 1 to the users, once in each attempt, before anything is changed.
 * @see runbook 1.5; docs/notice.md
 */
export const notice = defineStep({
  name: "notice",
  spec: NoticeSpec,
  result: NoticeResult,
  lease: false,
  sendsMail: true,
  deadlineSeconds: 5 * MINUTE,
  observe,
  apply,
  undo,
});
