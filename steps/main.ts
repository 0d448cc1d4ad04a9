import { text } from "node:stream/consumers";
import { z } from "zod";
import { reportError } from "../errors/report-error.ts";
import { StepError } from "../errors/step-error.ts";
import { MAIL_VARIABLE, readMailSecrets } from "../mail/secrets.ts";
import { watchCancellation } from "./cancellation.ts";
import { explainLostConnection } from "./lost-connection.ts";
import { findStep } from "./registry.ts";
import { runVerb, VERBS, type Verb } from "./run-verb.ts";
import type { BaseSpec, Step } from "./step.ts";
import { explainStoredPassword } from "./stored-password.ts";

/**
 * The only process entry: `main.ts <step> apply|undo|observe`, the spec as JSON on stdin, secrets in the environment
 * (ROLLOUT_DATABASE_URL, and ROLLOUT_MAIL for steps that send mail), progress on stderr, one short JSON line on stdout, exit code 1 on failure.
 */

/** Longest line that goes to stderr: the official command plugin hangs on lines over 64 KiB. */
const LINE_LIMIT = 8_192;

function log(line: string): void {
  for (const part of line.split("\n")) process.stderr.write(`${part.slice(0, LINE_LIMIT)}\n`);
}

function parseVerb(verb: string | undefined): Verb {
  const found = VERBS.find((candidate) => candidate === verb);
  if (!found)
    throw new StepError(`step: expected a verb (${VERBS.join(", ")}), got ${JSON.stringify(verb)}.`);
  return found;
}

function parseSpec(step: Step, json: string): BaseSpec {
  const parsed = step.spec.safeParse(JSON.parse(json));
  if (parsed.success) return parsed.data;
  throw new StepError(`${step.name}: expected a valid spec on stdin.\n${z.prettifyError(parsed.error)}`);
}

/** Whose process this is: by its kind, once the spec is read by its name in its phase. */
let own = process.argv[2];

async function main(): Promise<void> {
  const step = await findStep(process.argv[2] ?? "");
  const verb = parseVerb(process.argv[3]);
  const spec = parseSpec(step, await text(process.stdin));
  own = spec.identity.step;
  const cancellation = watchCancellation(spec.deadlineSeconds);
  try {
    const databaseUrl = process.env.ROLLOUT_DATABASE_URL;
    const mail = readMailSecrets(process.env[MAIL_VARIABLE]);
    const result = await runVerb(verb, step, spec, { signal: cancellation.signal, log, databaseUrl, mail });
    process.stdout.write(`${JSON.stringify(result)}\n`);
  } catch (error) {
    if (cancellation.signal.aborted) explainCancellation(spec, verb, cancellation.signal.reason);
    const explained = explainLostConnection(error, spec);
    throw verb === "undo" ? explainStoredPassword(explained, spec) : explained;
  } finally {
    cancellation.stop();
  }
}

function explainCancellation({ identity }: BaseSpec, verb: Verb, reason: unknown): void {
  log(
    `${identity.step}: ${verb} ${reason instanceof Error ? reason.message : reason}. What was finished is kept and recorded.`,
  );
  log(`  to go on:   npx rollout up --stack ${identity.stack}`);
  log(
    `  to go back: npx rollout config set phase <lower> --stack ${identity.stack}, then up; or npx rollout destroy`,
  );
}

const report = (error: unknown) => log(reportError(error, own ? { step: own } : {}));

// What nobody waited for, as a connection that breaks while it is idle: told as all else, and no less a failure.
process.on("uncaughtException", (error) => {
  report(error);
  process.exit(1);
});
let failed = false;
try {
  await main();
} catch (error) {
  failed = true;
  report(error);
}
// A connection that is still open must not keep the engine waiting; stdout is flushed first.
process.stdout.write("", () => process.exit(failed ? 1 : 0));
