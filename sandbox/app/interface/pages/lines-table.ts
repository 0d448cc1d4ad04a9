import type { Line } from "../analysis.ts";
import { sum, toCents, toDecimal } from "../money.ts";
import { type Html, html } from "./html.ts";
import { amountText } from "./money-text.ts";

export interface LinesTable {
  caption: "Costs" | "Synergies";
  /** How often the amounts come. */
  per: string;
  currency: string;
  lines: readonly Line[];
  /** A decimal text. */
  total: string;
}

const KINDS: Record<string, string> = {
  integration: "Integration",
  separation: "Separation",
  tsa: "TSA (transition services)",
  extraction: "Extraction",
  consolidation: "Consolidation",
};

/** Lines of an analysis as a table: a group for each kind with what it comes to, and the total. */
export function linesTable({ caption, per, currency, lines, total }: LinesTable): Html {
  const kinds = [...new Set(lines.map(({ kind }) => kind))];
  return html`<div class="card"><table class="lines">
<caption>${caption}</caption>
<thead><tr><th scope="col">What for</th><th scope="col" class="share">Share</th><th scope="col" class="number">${currency}, ${per}</th></tr></thead>
${kinds.map((kind) => group(kind, lines, total))}
<tfoot><tr><th scope="row">Total</th><td class="share"></td><td class="number">${amountText(total)}</td></tr></tfoot>
</table></div>`;
}

function group(kind: string, all: readonly Line[], total: string): Html {
  const lines = all.filter((line) => line.kind === kind);
  const amount = toDecimal(sum(lines.map((line) => toCents(line.amount))));
  return html`<tbody>
<tr class="kind"><th scope="rowgroup">${KINDS[kind] ?? kind}</th><td class="share"></td><td class="number">${amountText(amount)}</td></tr>
${lines.map(
  (
    line,
  ) => html`<tr><th scope="row">${line.label}</th><td class="share">${share(line.amount, total)}</td><td class="number">${amountText(line.amount)}</td></tr>
`,
)}</tbody>
`;
}

function share(amount: string, total: string): Html | false {
  const [part, whole] = [toCents(amount), toCents(total)];
  if (whole === 0n) return false;
  const percent = Number((part * 1000n) / whole) / 10;
  return html`<svg aria-hidden="true"><rect class="track" width="100%" height="100%"/><rect width="${percent}%" height="100%"/></svg>${percent.toFixed(0)} %`;
}
