/** The wish of a person was refused or a step failed in a way that a person can mend: no stack trace is shown. */
export class StepError extends Error {
  override name = "StepError";
}
