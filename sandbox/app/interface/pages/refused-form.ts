import { answerError } from "../http.ts";
import type { Log } from "../log.ts";
import type { Problem } from "./form-values.ts";

/**
 * What a form says of a deal that could not be stored; its values stay in it. A deal that is gone meanwhile is
 * no form's matter.
 * @throws the error itself when the form can't be sent again.
 */
export function refuseForm(error: unknown, log: Log, path: string): { status: number; problem: Problem } {
  const { status } = answerError(error, log, path);
  if (status === 404) throw error;
  const message =
    status === 422
      ? "A rule of the database refuses this deal. Your administrator finds the rule in the log."
      : "The deal was not saved: we can't reach the deals right now. What you entered is still here; try again in a minute.";
  return { status, problem: { message } };
}
