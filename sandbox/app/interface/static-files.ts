import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import type { Answer } from "./http.ts";

const CSS = "text/css; charset=utf-8";
const TYPES = {
  "app.css": CSS,
  "frame.css": CSS,
  "form.css": CSS,
  "deals.css": CSS,
  "deal-form.js": "text/javascript; charset=utf-8",
  "favicon.svg": "image/svg+xml",
} as const;

type FileName = keyof typeof TYPES;
const NAMES = Object.keys(TYPES) as FileName[];

/** Read once, when the process starts: a process serves the files of its own release. */
const FILES = new Map(
  NAMES.map((name) => {
    const bytes = readFileSync(new URL(`./static/${name}`, import.meta.url));
    return [name, { bytes, digest: createHash("sha256").update(bytes).digest("hex").slice(0, 16) }];
  }),
);

/** The address of a static file: another content has another one, so browsers may keep each for ever. */
export function staticUrl(name: FileName): string {
  return `/static/${name}?v=${FILES.get(name)?.digest}`;
}

/** The static file that is asked for; undefined when it is none. */
export function answerStaticFile({ method, headers }: IncomingMessage, url: URL): Answer | undefined {
  const path = url.pathname === "/favicon.ico" ? "/static/favicon.svg" : url.pathname;
  const name = NAMES.find((known) => path === `/static/${known}`);
  const file = name && FILES.get(name);
  if (!file || (method !== "GET" && method !== "HEAD")) return undefined;
  const etag = `"${file.digest}"`;
  // In a rolling release, a page of one release may ask a process of another. What that answers is not what the
  // address promises: kept for ever, it would outlast the rollout.
  const isThis = url.searchParams.get("v") === file.digest;
  const caching = isThis ? "public, max-age=31536000, immutable" : "no-cache";
  const sent = { etag, "cache-control": caching, "x-content-type-options": "nosniff" };
  if (headers["if-none-match"] === etag) return { status: 304, headers: sent };
  return { status: 200, content: { type: TYPES[name], bytes: file.bytes }, headers: sent };
}
