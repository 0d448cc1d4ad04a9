import { html } from "@remix-run/html-template";
import MarkdownIt from "markdown-it";
import { htmlPage } from "../system/html-page.ts";

/*
 * `html: false` shows raw HTML as text, and links other than http, https and mailto are left as text: whoever edits a
 * template, or a value that goes into it, can put no script and no form into the mail. Pictures are off, since they
 * would be fetched from elsewhere and tell who reads. A line's end stays one: that is how people write mails.
 */
const markdown = new MarkdownIt({ html: false, linkify: true, breaks: true }).disable("image");
// An address without its scheme is as likely a file or a column: `deals.name`.
markdown.linkify.set({ fuzzyLink: false });
markdown.validateLink = (url) => /^(https?:|mailto:)/i.test(url.trim());

/** Readable where a mail program drops it all; in the dark and on a telephone where it does not. */
const STYLE = `
:root { color-scheme: light dark; }
body { margin: 0; background: #ffffff; color: #1c2530; font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 38em; margin: 0 auto; padding: 24px 20px; overflow-wrap: break-word; }
h1, h2, h3 { line-height: 1.25; margin: 1.4em 0 .5em; }
h1 { font-size: 1.5em; margin-top: 0; } h2 { font-size: 1.2em; } h3 { font-size: 1em; }
p, ul, ol, table, pre { margin: 0 0 1em; }
li { margin: .25em 0; }
a { color: #0b57c2; }
code, pre { font-family: ui-monospace, monospace; font-size: .92em; background: #f1f3f6; border-radius: 4px; }
code { padding: 0 .25em; } pre { padding: 10px; overflow-x: auto; } pre code { padding: 0; }
table { border-collapse: collapse; } th, td { border: 1px solid #c9d1da; padding: .35em .6em; text-align: left; }
blockquote { margin: 0 0 1em; padding-left: 1em; border-left: 3px solid #c9d1da; }
@media (prefers-color-scheme: dark) {
  body { background: #14181d; color: #e4e9ef; }
  a { color: #8ab8ff; } code, pre { background: #232a32; } th, td, blockquote { border-color: #46515d; }
}`;

/** Markdown as a whole HTML page that holds nothing active and fetches nothing. */
export function renderHtml({ subject, text }: { subject: string; text: string }): string {
  return htmlPage({ title: subject, body: html.raw`${markdown.render(text).trimEnd()}`, style: STYLE });
}
