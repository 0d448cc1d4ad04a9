import { request } from "undici";
import type { SmokeTestSection } from "../../config/smoke-test.ts";
import { type ExactJson, parseExactly } from "../snapshot/output-rules.ts";

const TIMEOUT_MS = 30_000;
const LARGEST_ANSWER = 4 * 1024 * 1024;

/** What the application answered: its status, and its body where that is JSON. */
export interface ApiAnswer {
  status: number;
  body?: ExactJson;
}

/** How test deals are removed, whoever created them. */
export type DealRemoval = Pick<SmokeTestSection, "remove" | "tokenVariable">;

/** Removes deals through the application's API. */
export class DealApi<Section extends DealRemoval = DealRemoval> {
  protected readonly section: Section;
  readonly #base: string;
  readonly #signal: AbortSignal;

  constructor(url: string, section: Section, signal: AbortSignal) {
    this.#base = url.replace(/\/+$/, "");
    this.section = section;
    this.#signal = signal;
  }

  /** @returns undefined where the application has no address for it. */
  async remove(key: string): Promise<ApiAnswer | undefined> {
    const { path } = this.section.remove;
    return path === undefined ? undefined : this.send("DELETE", fillKey(path, key));
  }

  protected async send(method: "GET" | "POST" | "DELETE", path: string, body?: object): Promise<ApiAnswer> {
    const { tokenVariable } = this.section;
    const token = tokenVariable === undefined ? undefined : process.env[tokenVariable];
    const answer = await request(this.#base + path, {
      ...{ method, signal: this.#signal, headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS },
      headers: {
        accept: "application/json",
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(body ? { "content-type": "application/json" } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await answer.body.text();
    try {
      return { status: answer.statusCode, body: parseExactly(text.slice(0, LARGEST_ANSWER)) };
    } catch {
      return { status: answer.statusCode };
    }
  }
}

/** Speaks to the application as its users' programs do. Nothing is asked twice: a creation that seemed lost may be none. */
export class SmokeApi extends DealApi<SmokeTestSection> {
  /** Posts a deal of that type with that marker. */
  create(type: string, marker: string): Promise<ApiAnswer> {
    const { create, typeField, marker: mark } = this.section;
    return this.send("POST", create.path, { ...create.body, [typeField]: type, [mark.field]: marker });
  }

  analyse(key: string): Promise<ApiAnswer> {
    const { method, path } = this.section.analyse;
    return this.send(method, fillKey(path, key));
  }
}

const fillKey = (path: string, key: string) => path.replaceAll("{key}", encodeURIComponent(key));

/** Why there was no answer: the system's code, never an address with a password. */
export const reasonOf = (error: unknown) => (error as { code?: string }).code ?? "connection lost";
