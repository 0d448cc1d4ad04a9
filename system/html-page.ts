import { html, type SafeHtml } from "@remix-run/html-template";

/** What may stand in a cell: text is escaped, markup comes from the template tag alone. */
type Cell = SafeHtml | string | number;

/** A link to a file beside the page. */
export const linkTo = (path: string, shown = path): SafeHtml =>
  html`<a href="${path.split("/").map(encodeURIComponent).join("/")}">${shown}</a>`;

/** A word in a coloured box: good, bad, or neither. */
export const badge = (word: string, tone: "good" | "bad" | "plain" = "plain"): SafeHtml =>
  html`<span class="badge ${tone}">${word}</span>`;

export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): SafeHtml {
  const line = (row: readonly Cell[]) => html`\n<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`;
  return html`<div class="wide"><table><thead><tr>${head.map((name) => html`<th>${name}</th>`)}</tr></thead>
<tbody>${rows.map(line)}</tbody></table></div>`;
}

/** Names with their values, as cards on top of a page. */
export const facts = (values: Record<string, Cell>): SafeHtml =>
  html`<dl class="facts">${Object.entries(values).map(
    ([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`,
  )}</dl>`;

/** `2025-01-31 14:05:09`; the page says that all times are UTC. */
export const showTime = (at: string): string => at.replace("T", " ").replace(/(\.\d+)?Z$/, "");

/** The same on one line of a page. */
export const timeTag = (at: string): SafeHtml => html`<time datetime="${at}">${showTime(at)}</time>`;

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #dde2e8; --back: #f6f7f9; --card: #fff;
  --accent: #2b5fb3; --good: #1a7f4b; --goodback: #e3f4ea; --bad: #b3261e; --badback: #fbe9e7; --plainback: #eceff3; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #9aa5b4; --line: #2e3743; --back: #12161c;
  --card: #1a2029; --accent: #86b1f5; --good: #6fd39b; --goodback: #16341f; --bad: #ff9d93; --badback: #43201d;
  --plainback: #28303b; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; }
h2 { font-size: 18px; margin: 40px 0 12px; }
p { margin: 8px 0; max-width: 75ch; }
a { color: var(--accent); overflow-wrap: anywhere; }
.lead { color: var(--soft); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 12px; margin: 24px 0; padding: 0; }
.facts div { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; min-width: 0; }
.facts dt { color: var(--soft); font-size: 13px; }
.facts dd { margin: 2px 0 0; font-weight: 600; overflow-wrap: anywhere; }
.wide { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; min-width: 760px; font-size: 14px; }
th, td { text-align: left; vertical-align: top; padding: 7px 12px; border-bottom: 1px solid var(--line); }
tr:last-child td { border-bottom: 0; }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
time { white-space: nowrap; }
td:first-child { white-space: nowrap; font-variant-numeric: tabular-nums; }
code, .hash { font: 12.5px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
.badge { display: inline-block; padding: 0 8px; border-radius: 10px; font-size: 13px; background: var(--plainback); white-space: nowrap; }
.badge.good { color: var(--good); background: var(--goodback); }
.badge.bad { color: var(--bad); background: var(--badback); }
.note { color: var(--soft); font-size: 13px; overflow-wrap: anywhere; }
.words { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 12px 16px; font: inherit; }
.bars { display: grid; grid-template-columns: max-content 1fr; gap: 8px 14px; align-items: center; }
.track { position: relative; height: 16px; background: var(--plainback); border-radius: 4px; min-width: 120px; }
.track i { position: absolute; top: 0; bottom: 0; min-width: 4px; border-radius: 4px; background: var(--accent); }
.track i.planned { background: var(--soft); opacity: .45; }
@media print { body { background: none; } .wide { overflow: visible; } }
`;

/** A page that needs nothing beside itself: it can be mailed, and read in fifty years. */
export function htmlPage(page: { title: string; body: SafeHtml; style?: string }): string {
  const { title, body, style = STYLE } = page;
  return String(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${html.raw`${style}`}</style>
</head>
<body><main>
${body}
</main></body>
</html>
`);
}
