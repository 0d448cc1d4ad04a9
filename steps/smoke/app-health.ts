import { StepError } from "../../errors/step-error.ts";
import { readDatabase, showStart } from "../../hosts/health-answer.ts";

const TIMEOUT_MS = 10_000;

/** What it answered: its JSON object, or the short start of a text. */
async function readBody(response: Response): Promise<Record<string, unknown>> {
  const text = await response.text();
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body !== null) return body as Record<string, unknown>;
  } catch {
    // A plain "OK" is an answer as well.
  }
  return { text: showStart(text) };
}

/**
 * Asks `<url>/health`. @returns its JSON; of another answer how it begins.
 * @throws {StepError} when it does not answer with a success, or says that its database is not ok.
 */
export async function readAppHealth(url: string, signal: AbortSignal): Promise<Record<string, unknown>> {
  const address = `${url.replace(/\/+$/, "")}/health`;
  const expected = `verification: expected ${address} to answer 200 and a database that is ok`;
  const next = "Look at the application's log, then run again.";
  try {
    const response = await fetch(address, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    const body = await readBody(response);
    const database = readDatabase(body.database);
    if (response.ok && (database === undefined || database === "ok")) return body;
    const said = database === undefined ? "" : `, database ${JSON.stringify(database)}`;
    throw new StepError(`${expected}, got HTTP ${response.status}${said}. ${next}`);
  } catch (error) {
    if (error instanceof StepError) throw error;
    const { message, cause } = error as Error;
    throw new StepError(`${expected}, got ${cause instanceof Error ? cause.message : message}. ${next}`, {
      cause: error,
    });
  }
}
