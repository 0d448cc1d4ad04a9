import { StepError } from "../../errors/step-error.ts";

const TIMEOUT_MS = 10_000;

/**
 * Asks `<url>/health`. @returns its JSON.
 * @throws {StepError} when it does not answer 200 with JSON, or says that its database is not ok.
 */
export async function readAppHealth(url: string, signal: AbortSignal): Promise<Record<string, unknown>> {
  const address = `${url.replace(/\/+$/, "")}/health`;
  const expected = `verification: expected ${address} to answer 200 and a database that is ok`;
  const next = "Look at the application's log, then run again.";
  try {
    const response = await fetch(address, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    const body = (await response.json()) as Record<string, unknown>;
    if (response.ok && (body.database === undefined || body.database === "ok")) return body;
    throw new StepError(
      `${expected}, got ${response.status}, database ${JSON.stringify(body.database)}. ${next}`,
    );
  } catch (error) {
    if (error instanceof StepError) throw error;
    const { message, cause } = error as Error;
    throw new StepError(`${expected}, got ${cause instanceof Error ? cause.message : message}. ${next}`, {
      cause: error,
    });
  }
}
