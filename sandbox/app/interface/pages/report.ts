import type { Analysis } from "../analysis.ts";
import type { Deal } from "../deal.ts";
import { dealTypeOf } from "../deal-type.ts";
import { analyseDeal } from "../deals.ts";
import type { Answer } from "../http.ts";
import type { Visit } from "../pages.ts";
import { TYPE_NAMES } from "./deal-type-text.ts";
import { takeFlash } from "./flash.ts";
import { type Html, html } from "./html.ts";
import { page } from "./layout.ts";
import { linesTable } from "./lines-table.ts";
import { statusText } from "./list.ts";
import { amountText, countText, moneyText } from "./money-text.ts";

/** The cost report of a deal, as of now. */
export async function showReport({ parts, request, id }: Visit): Promise<Answer> {
  const { deal, analysis } = await analyseDeal(parts, id);
  const flash = takeFlash(request, id);
  const main = html`${flash && html`<p class="flash" role="status" tabindex="-1" autofocus>${flash.message}</p>`}
<p class="trail"><a href="/deals">Deals</a></p>
${heading(deal)}
${figures(deal, analysis)}
${linesTable({ caption: "Costs", per: "once", currency: deal.currency, lines: analysis.costs, total: analysis.cost_total })}
${synergies(deal, analysis)}
${facts(deal)}`;
  const answer = page(200, parts.settings, { title: deal.name, here: "deals", kind: "report", main });
  return { ...answer, headers: { ...answer.headers, ...flash?.headers } };
}

function heading(deal: Deal): Html {
  const type = dealTypeOf(deal.deal_type);
  return html`<div class="top">
<div><h1>${deal.name}</h1>
<p class="lead"><span class="type ${type}">${TYPE_NAMES[type]}</span> ${deal.target_name}</p></div>
<a class="button quiet" href="/deals/${deal.id}/edit">Edit deal</a>
</div>`;
}

const large = (currency: string, decimal: string) =>
  html`<span class="currency">${currency}</span> ${amountText(decimal)}`;

function figures({ currency }: Deal, { cost_total, synergy_total, synergies }: Analysis): Html {
  return html`<dl class="figures">
<div><dt>Costs, once</dt><dd>${large(currency, cost_total)}</dd></div>
<div><dt>Synergies, a year</dt><dd>${synergies.length > 0 ? large(currency, synergy_total) : "None"}</dd></div>
</dl>`;
}

function synergies({ currency }: Deal, { synergies: lines, synergy_total: total }: Analysis): Html {
  if (lines.length > 0) return linesTable({ caption: "Synergies", per: "a year", currency, lines, total });
  return html`<section class="card none" aria-labelledby="synergies"><h2 id="synergies">Synergies</h2>
<p>No synergies</p>
<p class="hint">Only an acquisition brings two whole IT departments together.</p></section>`;
}

function facts(deal: Deal): Html {
  const fact = (term: string, text: string | Html) => html`<div><dt>${term}</dt><dd>${text}</dd></div>`;
  const edited = new Intl.DateTimeFormat("en-GB", {
    dateStyle: "medium",
    timeStyle: "short",
    timeZone: "UTC",
  });
  return html`<section aria-labelledby="facts"><h2 id="facts">Deal details</h2>
<dl class="facts">
${fact("IT budget, a year", moneyText(deal.currency, deal.it_budget))}
${fact("Employees", countText(deal.employees))}
${fact("Applications", countText(deal.applications))}
${fact("Status", statusText(deal.status))}
${fact("Deal lead", deal.lead_name ?? "Nobody yet")}
${fact("Last edited", html`<time datetime="${deal.updated_at}">${edited.format(new Date(deal.updated_at))} UTC</time>`)}
</dl>
${deal.notes && html`<h3>Notes</h3><p class="written">${deal.notes}</p>`}
</section>`;
}
