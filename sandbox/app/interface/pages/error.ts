import type { Answer } from "../http.ts";
import type { Settings } from "../settings.ts";
import { html } from "./html.ts";
import { page } from "./layout.ts";

const TEXTS: Record<number, [title: string, text: string]> = {
  403: ["That form came from elsewhere", "Nothing was changed. Open the deal here and try again."],
  404: ["There is no such page", "The deal may have been deleted, or the address is not quite right."],
  405: ["That is not possible here", "Nothing was changed. Go back to the list and start from there."],
  413: ["That was too much", "Nothing was saved. Shorten the notes and send the form again."],
  503: ["We can't reach the deals right now", "Nothing is lost. Try again in a minute."],
};
const OTHER: [string, string] = [
  "Something went wrong",
  "It is not your fault, and it is in our log. Try again in a minute.",
];

export function errorPage(status: number, settings: Settings): Answer {
  const [title, text] = TEXTS[status] ?? OTHER;
  const main = html`<h1>${title}</h1>
<p class="lead">${text}</p>
<p><a class="button" href="/deals">All deals</a></p>`;
  return page(status, settings, { title, main });
}
