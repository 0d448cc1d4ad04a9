import { StepError } from "../errors/step-error.ts";
import type { BaseSpec } from "./step.ts";

/** invalid_password, invalid_authorization_specification. */
const REFUSED = ["28P01", "28000"];

/**
 * An undo runs with what Pulumi's state has: a password that was changed since has to get there first.
 * @returns the error with the commands that come first, where an undo failed by a refused password; else as it is.
 */
export function explainStoredPassword(
  error: unknown,
  { identity: { step, stack, phase } }: BaseSpec,
): unknown {
  if (!(error instanceof StepError)) return error;
  if (!REFUSED.includes((error.cause as { code?: string } | undefined)?.code ?? "")) return error;
  const advice = [
    `${step}: undo uses the password that the last up stored. Where it was rotated since, these come first:`,
    `  npx rollout config set --secret databaseUrl --stack ${stack}   (asks for the new one)`,
    `  npx rollout up --stack ${stack}   (phase as deployed, ${phase}: stores it, changes nothing else)`,
    "Then go back. `npx rollout destroy` does that up by itself.",
  ];
  return new StepError([error.message, ...advice].join("\n"), { cause: error });
}
