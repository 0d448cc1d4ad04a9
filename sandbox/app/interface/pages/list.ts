import { type Deal, RequestError } from "../deal.ts";
import type { DealStore } from "../deal-store.ts";
import { dealTypeOf } from "../deal-type.ts";
import type { Answer } from "../http.ts";
import type { Visit } from "../pages.ts";
import { FIELDS } from "./deal-fields.ts";
import { TYPE_NAMES } from "./deal-type-text.ts";
import { type Html, html } from "./html.ts";
import { page } from "./layout.ts";
import { countText, moneyText } from "./money-text.ts";

const PAGE_SIZE = 25;

/** Deals of a page, newest first, and whether there are others on either side. */
interface Stretch {
  deals: Deal[];
  newer: boolean;
  older: boolean;
}

export async function showList({ parts, url }: Visit): Promise<Answer> {
  const stretch = await readStretch(parts.store, readId(url, "before"), readId(url, "after"));
  const { deals } = stretch;
  const main = html`<div class="top"><h1>Deals</h1></div>
${deals.length > 0 ? table(deals) : html`<p class="empty">No deals yet. <a href="/deals/create">Create the first one</a>.</p>`}
${pager(stretch)}`;
  return page(200, parts.settings, { title: "Deals", here: "deals", main });
}

async function readStretch(store: DealStore, before?: string, after?: string): Promise<Stretch> {
  // One more than is shown tells whether the page is the last one on that side.
  if (after !== undefined) {
    const rising = await store.list(after, PAGE_SIZE + 1);
    if (rising.length > PAGE_SIZE)
      return { deals: rising.slice(0, PAGE_SIZE).reverse(), newer: true, older: true };
  }
  const from = after === undefined ? before : undefined;
  const falling = await store.newest(from, PAGE_SIZE + 1);
  return {
    deals: falling.slice(0, PAGE_SIZE),
    newer: from !== undefined,
    older: falling.length > PAGE_SIZE,
  };
}

function readId({ searchParams }: URL, name: string): string | undefined {
  const id = searchParams.get(name) ?? undefined;
  if (id !== undefined && !/^\d{1,18}$/.test(id)) throw new RequestError(404, "not_found", "no such page");
  return id;
}

/** On a narrow screen its rows are laid out as blocks; by their roles they stay a table to screen readers. */
function table(deals: readonly Deal[]): Html {
  return html`<div class="card"><table class="deals" role="table">
<caption class="unseen">Deals, newest first</caption>
<thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">Deal</th><th scope="col" role="columnheader">Type</th><th scope="col" role="columnheader">Status</th><th scope="col" role="columnheader" class="number">IT budget</th><th scope="col" role="columnheader" class="number">Employees</th></tr></thead>
<tbody role="rowgroup">${deals.map(row)}</tbody>
</table></div>`;
}

function row(deal: Deal): Html {
  const type = dealTypeOf(deal.deal_type);
  return html`<tr role="row">
<th scope="row" role="rowheader"><a href="/deals/${deal.id}">${deal.name}</a><span class="under">${deal.target_name}</span></th>
<td role="cell"><span class="type ${type}">${TYPE_NAMES[type]}</span></td>
<td role="cell">${statusText(deal.status)}</td>
<td class="number" role="cell">${moneyText(deal.currency, deal.it_budget)}</td>
<td class="number" role="cell">${countText(deal.employees)}<span class="unit"> employees</span></td>
</tr>
`;
}

export function statusText(status: string): string {
  return FIELDS.status.choices?.find(([value]) => value === status)?.[1] ?? status;
}

function pager({ deals, newer, older }: Stretch): Html | false {
  const [first, last] = [deals[0], deals.at(-1)];
  if (!newer && !older) return false;
  return html`<nav class="pager" aria-label="Pages">
${newer && html`<a href="/deals${first && `?after=${first.id}`}" rel="prev">Newer deals</a>`}
${older && last && html`<a class="on" href="/deals?before=${last.id}" rel="next">Older deals</a>`}
</nav>`;
}
