import { loadConfig } from "../config/load.ts";
import { StepError } from "../errors/step-error.ts";
import { Chain } from "../ledger/chain.ts";
import { foldEntries } from "../ledger/entries.ts";
import { progressOf } from "../ledger/progress.ts";
import { evidenceFolder } from "../ledger/store.ts";
import { PHASE_PLAN } from "../rollout/plan.ts";
import { capturePulumi, runPulumi } from "./pulumi.ts";
import { readStackSource } from "./stack-source.ts";

interface Stored {
  deployment?: { resources?: { inputs?: { environment?: Record<string, unknown> } }[] };
}

/** A secret as `stack export --show-secrets` shows it: JSON text inside Pulumi's wrapper. */
function plainText(value: unknown): unknown {
  const { plaintext } = (value ?? {}) as { plaintext?: string };
  return plaintext === undefined ? value : JSON.parse(plaintext);
}

/** Connection strings that the deployed steps would undo with. Exported for its test. */
export function storedDatabaseUrls(exported: string): Set<string> {
  const { deployment } = JSON.parse(exported) as Stored;
  const urls = (deployment?.resources ?? []).map(({ inputs }) => {
    const environment = plainText(inputs?.environment) as Record<string, unknown> | undefined;
    return plainText(environment?.ROLLOUT_DATABASE_URL);
  });
  return new Set(urls.filter((url): url is string => typeof url === "string"));
}

async function setPhase(stack: string, phase: number): Promise<void> {
  const { exitCode, stderr } = await capturePulumi(["config", "set", "phase", String(phase)], { stack });
  if (exitCode !== 0)
    throw new StepError(`destroy: expected to set phase ${phase}, got: ${stderr.trim()}. Set it by hand.`);
}

/**
 * An undo runs with the secrets in Pulumi's state. Where the password was rotated since, one `up` at the phase that
 * is deployed brings the new one there first. Does nothing where the secrets agree or nothing is deployed.
 * @param yes without asking.
 * @throws {StepError} when that `up` fails or a phase is half-done, with what to do.
 */
export async function renewStoredSecrets(
  stack: string,
  { yes, log }: { yes: boolean; log(line: string): void },
): Promise<void> {
  const exported = await capturePulumi(["stack", "export", "--show-secrets"], { stack });
  if (exported.exitCode !== 0) return;
  const stored = storedDatabaseUrls(exported.stdout);
  const config = loadConfig(await readStackSource(stack));
  if ([...stored].every((url) => url === config.databaseUrl)) return;
  const entries = foldEntries(Chain.open(evidenceFolder(config.evidence.url)).records);
  const { actual, reached } = progressOf(entries, PHASE_PLAN);
  if (actual === null || reached !== actual) {
    throw new StepError(
      "destroy: expected the stored database URL to be the configured one, got an older one under a half-done phase. " +
        `Finish it first: npx rollout up --stack ${stack}`,
    );
  }
  log(
    `destroy: the database URL has changed since the last up: one up at phase ${actual} stores the new one first`,
  );
  if (config.phase !== actual) await setPhase(stack, actual);
  const exitCode = await runPulumi(["up", ...(yes ? ["--yes", "--skip-preview"] : [])], { stack });
  if (config.phase !== actual) await setPhase(stack, config.phase);
  if (exitCode !== 0) {
    throw new StepError(
      `destroy: expected that up to succeed, got exit code ${exitCode}; the reason is above.`,
    );
  }
}
