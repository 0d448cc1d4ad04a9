import "./config/interpreted-schemas.ts";
import * as pulumi from "@pulumi/pulumi";
import { composePhases } from "./components/phase.ts";
import { stackOutputs } from "./components/stack-outputs.ts";
import { ConfigError, loadConfig } from "./config/load.ts";
import type { RolloutConfig } from "./config/schema.ts";
import { reportError } from "./errors/report-error.ts";
import { Chain } from "./ledger/chain.ts";
import { evidenceFolder } from "./ledger/store.ts";
import { MAIL_VARIABLE, mailSecrets } from "./mail/secrets.ts";
import { PHASES } from "./phases/index.ts";
import { findRefusals } from "./rollout/gates.ts";
import { assertKnownEvidence } from "./rollout/known-evidence.ts";
import { refuseJump } from "./rollout/mode.ts";
import { observeAll, type Survey } from "./rollout/observe-all.ts";
import { observingDeps } from "./rollout/observing-deps.ts";
import { findBorrowedBackend } from "./rollout/own-backend.ts";
import { previewLines } from "./rollout/preview.ts";
import { refusal } from "./rollout/refusal.ts";
import { patchSdk } from "./rollout/sdk-patches.ts";
import { readSandbox } from "./sandbox/description.ts";

/** Own keys of the stack config without the project's name, and which of them are secrets. */
function readConfig(stack: string): RolloutConfig {
  const prefix = `${pulumi.getProject()}:`;
  const own = Object.entries(pulumi.runtime.allConfig()).filter(([key]) => key.startsWith(prefix));
  const values = Object.fromEntries(own.map(([key, value]) => [key.slice(prefix.length), value]));
  // The SDK keeps this list to itself, but for this variable.
  const secretKeys: string[] = JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS || "[]");
  const secrets = secretKeys.map((key) => key.slice(prefix.length));
  return loadConfig({ values, secrets, stack, sandbox: readSandbox });
}

function specsOf({ steps }: Survey, phase: string) {
  const inPhase = steps.filter(({ spec, action }) => spec.identity.phase === phase && action !== "undo");
  return Object.fromEntries(inPhase.map(({ spec }) => [spec.identity.step, spec]));
}

/** Everything that is wrong at once. In an update nothing may run then; a preview shows the whole plan first. */
function refuse(refusals: readonly string[]): void {
  if (refusals.length > 0) throw refusal(`Refused, nothing was changed:\n  - ${refusals.join("\n  - ")}`);
}

async function run(): Promise<Record<string, unknown>> {
  const config = readConfig(pulumi.getStack());
  refuse(findBorrowedBackend(config, process.env.PULUMI_BACKEND_URL));
  const chain = Chain.open(evidenceFolder(config.evidence.url));
  const deps = config.observe ? observingDeps(config, chain) : undefined;
  const [survey] = await Promise.all([
    observeAll(config, chain, deps),
    deps && assertKnownEvidence(config, chain),
  ]);
  refuse(refuseJump(config.phase, survey, config.stack));
  const refusals = findRefusals(config, survey, new Date());
  const preview = pulumi.runtime.isDryRun();
  if (preview) await pulumi.log.info(previewLines(config, survey).join("\n"));
  else refuse(refusals);
  const commands = composePhases({
    tables: PHASES.slice(0, config.phase + 1),
    specsOf: ({ name }) => specsOf(survey, name),
    secrets: {
      ROLLOUT_DATABASE_URL: pulumi.secret(config.databaseUrl),
      [MAIL_VARIABLE]: pulumi.secret(JSON.stringify(mailSecrets(config))),
    },
  });
  refuse(refusals);
  return { phase: config.phase, ...stackOutputs(commands) };
}

patchSdk();

/** The whole program: config → observation → gate → phases → outputs. */
export default async function rollout(): Promise<Record<string, unknown>> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof ConfigError) refuse(error.faults);
    if (pulumi.RunError.isInstance(error)) throw error;
    // Shown as a message alone, not as a stack trace of this program.
    throw refusal(reportError(error, { step: "rollout" }));
  }
}
