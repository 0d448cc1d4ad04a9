import type { BrowserContext } from "playwright-core";
import { lineStart } from "../system/plain-line.ts";

const MOST = 20;

/** Errors on the console and requests that failed, of every page of a session, as long as it lives. */
export class PageTroubles {
  readonly #found = new Set<string>();
  readonly #ignore: RegExp[];

  constructor(context: BrowserContext, ignore: readonly string[]) {
    this.#ignore = ignore.map((pattern) => new RegExp(pattern));
    context.on("console", (message) => {
      // A request that failed is told once, by the request itself.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
        this.#add(`console error: ${message.text()} (${message.location().url})`);
    });
    context.on("weberror", (error) => this.#add(`uncaught error: ${error.error().message}`));
    context.on("response", (response) => {
      if (response.status() >= 400)
        this.#add(`request: ${response.request().method()} ${response.url()} answered ${response.status()}`);
    });
    context.on("requestfailed", (request) => {
      const reason = request.failure()?.errorText ?? "no answer";
      // A page that is left drops what it was still loading.
      if (reason !== "net::ERR_ABORTED")
        this.#add(`request: ${request.method()} ${request.url()} failed: ${reason}`);
    });
  }

  /** What was found, each once. */
  get lines(): string[] {
    return [...this.#found];
  }

  #add(text: string): void {
    const line = lineStart(text, 400);
    if (this.#found.size < MOST && !this.#ignore.some((pattern) => pattern.test(line))) this.#found.add(line);
  }
}
