import { StepError } from "../errors/step-error.ts";
import type { BaseSpec } from "./step.ts";

/** admin_shutdown, crash_shutdown, cannot_connect_now, and all of class 08: connection exceptions. */
const LOST_CODE = /^(57P0[123]|08...)$/;
/** What the driver itself says, without a code. */
const LOST_MESSAGE = /^(Connection terminated|Client has encountered a connection error)/;

/**
 * A server that is restarted or fails over ends our connections: nothing is broken, and the next run goes on.
 * @returns the error as a person reads it, where a step lost its connection; else as it is.
 */
export function explainLostConnection(error: unknown, { identity: { step, stack } }: BaseSpec): unknown {
  if (error instanceof StepError || !(error instanceof Error)) return error;
  const { code = "" } = error as { code?: string };
  if (!LOST_CODE.test(code) && !LOST_MESSAGE.test(error.message)) return error;
  return new StepError(
    `${step}: expected the database to keep the connection, got: ${error.message}. ` +
      `Once it answers: npx rollout up --stack ${stack}. What is done is kept.`,
    { cause: error },
  );
}
