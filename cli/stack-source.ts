import type { ConfigSource } from "../config/load.ts";
import { StepError } from "../errors/step-error.ts";
import { assertBackend } from "./backend.ts";
import { capturePulumi, ensureStack } from "./pulumi.ts";
import { hasEvidence } from "./stack-evidence.ts";

interface ConfigEntry {
  value?: string;
  secret: boolean;
}

/** The project's name, which Pulumi puts before every key. */
const PREFIX = "deal-type-rollout:";

/**
 * The stack's configuration as Pulumi reads it, secrets in the clear.
 * @param limit milliseconds that Pulumi may take; without it, as long as it likes.
 * @throws {StepError} with Pulumi's own words when it cannot (no such stack, wrong passphrase).
 */
export async function readStackSource(
  stack: string,
  limit: { timeoutMs?: number } = {},
): Promise<ConfigSource> {
  assertBackend(stack);
  // What only looks must not fail for a stack that the next `up` would make. One that has evidence was there before: an
  // empty one in its place would hide that its backend is gone.
  if (!hasEvidence(stack)) await ensureStack(stack, limit);
  const { exitCode, stdout, stderr } = await capturePulumi(
    ["config", "--json", "--show-secrets", "--stack", stack],
    { stack, ...limit },
  );
  if (exitCode !== 0) {
    throw new StepError(
      `config: expected to read the configuration of stack ${stack}, got from Pulumi: ${stderr.trim()}. ` +
        `See the stacks that there are: npx rollout stack ls --stack ${stack}. Make it: npx rollout stack init ${stack}`,
    );
  }
  const entries = JSON.parse(stdout) as Record<string, ConfigEntry>;
  const own = Object.entries(entries).filter(([key]) => key.startsWith(PREFIX));
  return {
    stack,
    values: Object.fromEntries(own.map(([key, { value }]) => [key.slice(PREFIX.length), value])),
    secrets: own.filter(([, { secret }]) => secret).map(([key]) => key.slice(PREFIX.length)),
  };
}
