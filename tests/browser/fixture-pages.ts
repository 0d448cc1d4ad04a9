/** A deal as the fixture stores it. */
export interface StoredDeal {
  id: string;
  name: string;
  type: string;
}

/** Ways in which the pages are broken on purpose; each is one thing that a user would see. */
export interface Breaks {
  optionalType?: boolean;
  otherDefault?: boolean;
  noConsolidation?: boolean;
  noSeparation?: boolean;
  noExtraction?: boolean;
  fixedType?: boolean;
  forgetsEdit?: boolean;
  tsaForAll?: boolean;
  consolidationForCarveouts?: boolean;
  sameHelp?: boolean;
  consoleError?: boolean;
  lostScript?: boolean;
  noLabel?: boolean;
  paleInDark?: boolean;
  faultInFrame?: boolean;
  hangs?: boolean;
  busy?: boolean;
  login?: boolean;
}

const NAMES: Record<string, string> = {
  acquisition: "Acquisition",
  carveout: "Carve-out",
  divestiture: "Divestiture",
};
const HELP: Record<string, string> = {
  acquisition: "Two IT departments become one by consolidating them.",
  carveout: "Its IT is separated from the seller's.",
  divestiture: "Its IT is extracted from what stays.",
};

const escapeHtml = (text: string) => text.replaceAll(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);

/** Of another origin, as a company's chat or help often is. */
const FRAME = `<script>document.body.append(Object.assign(document.createElement("iframe"),
{ title: "Help", src: location.origin.replace("127.0.0.1", "localhost") + "/help" }))</script>`;

/** What the frame shows: a field without a label. */
export const HELP_PAGE =
  '<!doctype html><html lang="en"><head><title>Help</title></head><body><main><h1>Help</h1><input name="question"></main></body></html>';

function layout(title: string, main: string, breaks: Breaks): string {
  const { consoleError, lostScript, busy, paleInDark, faultInFrame } = breaks;
  const broken = [
    faultInFrame && FRAME,
    consoleError && '<script>console.error("deal form is not ready")</script>',
    lostScript && '<script src="/lost.js"></script>',
    busy && "<script>setTimeout(() => { for (;;); }, 50)</script>",
  ];
  const text = paleInDark ? "#333" : "#eee";
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<style>body { font: 16px sans-serif; margin: 2em; background: #fff; color: #111 } a { color: inherit }
@media (prefers-color-scheme: dark) { body { background: #111; color: ${text} } }
label { display: block }</style></head>
<body><main><h1>${title}</h1>${main}</main>${broken.filter(Boolean).join("")}</body></html>`;
}

const input = (label: string, name: string) =>
  `<p><label for="${name}">${label}</label><input id="${name}" name="${name}"></p>`;

function typeField(chosen: string, { optionalType, noLabel, sameHelp }: Breaks): string {
  const options = Object.entries(NAMES).map(
    ([value, text]) => `<option value="${value}"${value === chosen ? " selected" : ""}>${text}</option>`,
  );
  const follow = `deal_type.onchange = () => { document.getElementById("deal-type-help").textContent = ${JSON.stringify(HELP)}[deal_type.value] }`;
  return `<p><label for="deal_type">Deal type</label><select id="deal_type" name="deal_type"${optionalType ? "" : " required"} aria-describedby="deal-type-help">${options.join("")}</select></p>
<p id="deal-type-help">${HELP[chosen]}</p>${sameHelp ? "" : `<script>${follow}</script>`}${noLabel ? "<p><input name='extra'></p>" : ""}`;
}

export function createPage(breaks: Breaks): string {
  const fields = [
    ["Name", "name"],
    ["Target", "target_name"],
    ["IT budget", "it_budget"],
    ["Employees", "employees"],
    ["Applications", "applications"],
  ].map(([label = "", name = ""]) => input(label, name));
  const type = typeField(breaks.otherDefault ? "divestiture" : "acquisition", breaks);
  return layout(
    "New deal",
    `<form method="post">${fields.join("")}${type}<button>Create deal</button></form>`,
    breaks,
  );
}

export function editPage({ type }: StoredDeal, breaks: Breaks): string {
  const field = breaks.fixedType ? `<p>Deal type: ${NAMES[type]}</p>` : typeField(type, breaks);
  return layout("Edit deal", `<form method="post">${field}<button>Save changes</button></form>`, breaks);
}

function table(caption: string, rows: string[]): string {
  const lines = rows.map((row) => `<tr><th scope="row">${row}</th><td>1,000.00</td></tr>`).join("");
  return `<table><caption>${caption}</caption><tbody>${lines}</tbody></table>`;
}

function costsOf(type: string, { noSeparation, noExtraction, tsaForAll }: Breaks): string[] {
  return [
    ...(type === "acquisition" ? ["Integration"] : []),
    ...(type === "carveout" && !noSeparation ? ["Separation"] : []),
    ...(type === "carveout" || (type === "divestiture" && tsaForAll) ? ["TSA (transition services)"] : []),
    ...(type === "divestiture" && !noExtraction ? ["Extraction"] : []),
  ];
}

export function reportPage(deal: StoredDeal, saved: boolean, breaks: Breaks): string {
  const { noConsolidation, consolidationForCarveouts } = breaks;
  const consolidated =
    deal.type === "acquisition" ? !noConsolidation : deal.type === "carveout" && consolidationForCarveouts;
  const synergies = consolidated ? table("Synergies", ["Consolidation"]) : "<p>No synergies</p>";
  return layout(
    escapeHtml(deal.name),
    `${saved ? '<p role="status">Saved</p>' : ""}${table("Costs", costsOf(deal.type, breaks))}${synergies}
<p><a href="/deals/${deal.id}/edit">Edit deal</a></p>`,
    breaks,
  );
}

export function listPage(deals: StoredDeal[], breaks: Breaks): string {
  const items = deals.map(({ id, name }) => `<li><a href="/deals/${id}">${escapeHtml(name)}</a></li>`);
  return layout("Deals", `<ul>${items.join("")}</ul>`, breaks);
}
