import { type Dispatcher, errors, Pool } from "undici";
import type { DealRequest, OutputsSection } from "../../config/outputs.ts";
import { StepError } from "../../errors/step-error.ts";
import type { RateLimit } from "../../processes/rate-limit.ts";
import type { Answered, AskerOptions, DealAsker } from "./deal-asker.ts";
import { compactJson, errorLine, outputsLine } from "./snapshot-line.ts";

/** Statuses of an application that is busy or restarting: worth another try. */
const BUSY = new Set([429, 502, 503, 504]);
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 30_000;

type Answer = { json: string } | { reason: string; status?: number; retry?: boolean; pauseMs?: number };

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Why there was no answer, in words; the code of the system where there is one. */
function describeError(error: unknown, { outputs }: AskerOptions): Answer {
  if (error instanceof errors.ResponseExceededMaxSizeError)
    return { reason: `larger than ${outputs.maxAnswerKib} KiB` };
  const late = [errors.HeadersTimeoutError, errors.BodyTimeoutError, errors.ConnectTimeoutError];
  if (late.some((kind) => error instanceof kind))
    return { reason: `no answer within ${outputs.timeoutSeconds} s`, retry: true };
  return { reason: (error as { code?: string }).code ?? "connection lost", retry: true };
}

/** `Retry-After` in seconds; a date there is left to our own pause. */
function pauseOf({ "retry-after": after }: Dispatcher.ResponseData["headers"]): { pauseMs?: number } {
  return /^\d{1,5}$/.test(String(after)) ? { pauseMs: Number(after) * 1000 } : {};
}

async function readAnswer({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<Answer> {
  const bytes = await body.arrayBuffer();
  if (statusCode < 200 || statusCode > 299) {
    return {
      reason: `status ${statusCode}`,
      status: statusCode,
      retry: BUSY.has(statusCode),
      ...pauseOf(headers),
    };
  }
  try {
    return { json: compactJson(utf8.decode(bytes)) };
  } catch {
    return { reason: "not JSON" };
  }
}

/** A token from the environment: it is in no spec, no file and no message. */
function headersOf({ tokenVariable }: OutputsSection): Record<string, string> {
  const token = tokenVariable === undefined ? undefined : process.env[tokenVariable];
  return { accept: "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) };
}

function openPool(origin: string, { outputs }: AskerOptions): Pool {
  const timeoutMs = outputs.timeoutSeconds * 1000;
  return new Pool(origin, {
    ...{ connections: outputs.concurrency, headersTimeout: timeoutMs, bodyTimeout: timeoutMs },
    connect: { timeout: Math.min(timeoutMs, 10_000) },
    maxResponseSize: outputs.maxAnswerKib * 1024,
  });
}

/** Asks the application over HTTP, each request by itself, with kept connections. */
export class HttpAsker implements DealAsker {
  readonly batch = 1;
  readonly #options: AskerOptions;
  readonly #limit: RateLimit;
  readonly #base: URL;
  readonly #headers: Record<string, string>;
  readonly #pool: Pool;
  // One listener for all requests, however many there are.
  readonly #abort = () => void this.#pool.destroy().catch(() => undefined);

  constructor(options: AskerOptions, limit: RateLimit) {
    this.#options = options;
    this.#limit = limit;
    this.#base = new URL(options.appUrl);
    this.#headers = headersOf(options.outputs);
    this.#pool = openPool(this.#base.origin, options);
    options.signal.addEventListener("abort", this.#abort, { once: true });
  }

  ask(keys: readonly string[]): Promise<Answered[]> {
    return Promise.all(keys.map((key) => this.#askOne(key)));
  }

  async readRelease(): Promise<string | null> {
    const answer = await this.#send("GET", "/health");
    if ("json" in answer) return releaseOf(JSON.parse(answer.json));
    if (answer.status !== undefined || !answer.retry) return null;
    throw new StepError(
      `output-snapshot: expected the application at ${this.#base.origin} to answer, got ${answer.reason}. Start it, or correct app.url.`,
    );
  }

  async close(): Promise<void> {
    this.#options.signal.removeEventListener("abort", this.#abort);
    await this.#pool.destroy().catch(() => undefined);
  }

  async #askOne(key: string): Promise<Answered> {
    const answers: [string, string][] = [];
    for (const { name, method, path } of this.#options.outputs.requests) {
      const answer = await this.#sendPatiently(method, path.replaceAll("{key}", encodeURIComponent(key)));
      if ("reason" in answer) {
        const line = errorLine(key, { request: name, reason: answer.reason });
        return { line, unavailable: answer.retry === true, unknown: answer.status === 404 };
      }
      answers.push([name, answer.json]);
    }
    return { line: outputsLine(key, answers) };
  }

  async #sendPatiently(method: DealRequest["method"], path: string): Promise<Answer> {
    const { outputs, timer, signal } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      await this.#limit.take(1);
      const answer = await this.#send(method, path);
      if ("json" in answer || !answer.retry || attempt >= outputs.attempts) return answer;
      const pause = answer.pauseMs ?? FIRST_PAUSE_MS * 2 ** (attempt - 1);
      await timer.sleep(Math.min(pause, LONGEST_PAUSE_MS), signal);
    }
  }

  async #send(method: DealRequest["method"], path: string): Promise<Answer> {
    const target = this.#base.pathname.replace(/\/$/, "") + path;
    try {
      return await readAnswer(await this.#pool.request({ method, path: target, headers: this.#headers }));
    } catch (error) {
      this.#options.signal.throwIfAborted();
      return describeError(error, this.#options);
    }
  }
}

function releaseOf(health: unknown): string | null {
  const release = (health as { release?: unknown } | null)?.release;
  return typeof release === "string" && /^[0-9a-f]{40}$/.test(release) ? release : null;
}
