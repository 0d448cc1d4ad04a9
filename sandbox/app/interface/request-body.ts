import type { IncomingMessage } from "node:http";
import { RequestError } from "./deal.ts";

const JSON_LIMIT = 64 * 1024;
// Forms write a character of the notes as up to twelve.
const FORM_LIMIT = 256 * 1024;

/** The request's JSON object; an empty body is an empty object. */
export async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const text = await readText(request, JSON_LIMIT);
  if (text === "") return {};
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body !== null && !Array.isArray(body))
      return body as Record<string, unknown>;
  } catch {
    // Answered below like any other body that is no object.
  }
  throw new RequestError(400, "not_json", "expected a JSON object");
}

/**
 * What a form of these pages sends. Browsers say where a form was: one on another site's page is refused, or that
 * page could make deals in the name of whoever looks at it.
 */
export async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const site = request.headers["sec-fetch-site"] ?? "none";
  if (site !== "same-origin" && site !== "none")
    throw new RequestError(403, "cross_site", "this form was sent by another site");
  if (!request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded"))
    throw new RequestError(415, "not_a_form", "expected a form");
  return new URLSearchParams(await readText(request, FORM_LIMIT));
}

async function readText(request: IncomingMessage, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw new RequestError(413, "too_large", `expected at most ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
