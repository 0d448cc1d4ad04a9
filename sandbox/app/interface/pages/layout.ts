import type { Answer } from "../http.ts";
import type { Settings } from "../settings.ts";
import { staticUrl } from "../static-files.ts";
import { type Content, html } from "./html.ts";

export interface PageContent {
  /** Of the window; the heading is in `main`. */
  title: string;
  /** Which entry of the navigation this is. */
  here?: "deals" | "create";
  /** `form`: narrow, with the style and the script of forms. */
  kind?: "form" | "report";
  main: Content;
}

/** Nothing from elsewhere, nothing inline: what gets into a page as text can't become a script. */
const SECURITY =
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; " +
  "base-uri 'none'; frame-ancestors 'none'";

const HEADERS = {
  "content-security-policy": SECURITY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "same-origin",
  // Deals are confidential, and change: no copy stays anywhere.
  "cache-control": "no-store",
};

/** A whole page of the product. */
export function page(status: number, { release }: Settings, content: PageContent): Answer {
  const { title, here, kind, main } = content;
  const current = (entry: "deals" | "create") =>
    entry === here && html` aria-current="${here === "deals" && kind ? "true" : "page"}"`;
  const styles = ["app.css", "frame.css", kind === "form" ? "form.css" : "deals.css"] as const;
  const { text } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · Diligence</title>
<link rel="icon" href="${staticUrl("favicon.svg")}" type="image/svg+xml">
${styles.map(
  (name) => html`<link rel="stylesheet" href="${staticUrl(name)}">
`,
)}${kind === "form" && html`<script src="${staticUrl("deal-form.js")}" defer></script>`}
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header class="bar">
<a class="brand" href="/deals"><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 20V4h7a8 8 0 0 1 0 16H4z"/><path d="M9 9h2a3 3 0 0 1 0 6H9"/></svg>Diligence</a>
<nav aria-label="Main"><a href="/deals"${current("deals")}>Deals</a><a class="button" href="/deals/create"${current("create")}>New deal</a></nav>
</header>
<main id="main" tabindex="-1" class="${kind}">
${main}
</main>
<footer>Diligence · release ${release.slice(0, 12)}</footer>
</body>
</html>
`;
  return { status, content: { type: "text/html; charset=utf-8", bytes: text }, headers: HEADERS };
}
