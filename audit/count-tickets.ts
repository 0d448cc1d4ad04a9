import type { AuditSection } from "../config/audit.ts";
import { childEnvironment, runProgram } from "../processes/child-process.ts";
import { inheritedVariables } from "../processes/inherited-variables.ts";
import type { Unseen } from "./judge-data.ts";

/** Tickets of the past week: as entered, by the configured command, or unknown. */
export async function countTickets(
  { command, inherit, timeoutSeconds }: AuditSection["tickets"],
  entered: number | undefined,
  signal: AbortSignal,
): Promise<{ count: number; source: string } | Unseen> {
  if (entered !== undefined) return { count: entered, source: "as entered" };
  if (!command)
    return { unseen: "nobody said: set audit.tickets.command, or run `rollout audit --tickets <number>`" };
  const environment = { ...childEnvironment(), ...inheritedVariables(inherit) };
  const { exitCode, stdout, failure } = await runProgram(command, {
    ...{ environment, timeoutMs: timeoutSeconds * 1000, signal },
  });
  const name = command[0];
  if (failure || exitCode !== 0) return { unseen: `${name}: ${failure ?? `exit code ${exitCode}`}` };
  const text = stdout.trim();
  if (!/^\d{1,9}$/.test(text)) {
    return {
      unseen: `${name}: expected it to print one whole number, got ${JSON.stringify(text.slice(0, 60))}`,
    };
  }
  return { count: Number(text), source: `by ${name}` };
}
