import type { Deal } from "./deal.ts";
import { DEAL_TYPES, type DealType, dealTypeOf } from "./deal-type.ts";
import type { Parts } from "./router.ts";

/** The page at this path, or undefined when there is none. */
export async function renderPage(path: string, { store }: Parts): Promise<string | undefined> {
  if (path === "/deals/create") return layout("New deal", createForm());
  const id = /^\/deals\/(\d{1,18})\/edit$/.exec(path)?.[1];
  const deal = id === undefined ? undefined : await store.find(id);
  return deal && layout(`Edit deal ${deal.id}`, editForm(deal));
}

const HELP: Record<DealType, string> = {
  acquisition: "The whole company is bought and its IT consolidated into the buyer's.",
  carveout: "A part of a company is bought: its IT is separated, the seller runs it meanwhile.",
  divestiture: "A part of the own company is sold: its IT is extracted.",
};

function layout(title: string, main: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title></head>
<body><main><h1>${title}</h1>
${main}
</main></body>
</html>
`;
}

function createForm(): string {
  return form("/api/v1/deals", "POST", "Create", "", "", "acquisition");
}

function editForm(deal: Deal): string {
  const type = dealTypeOf(deal.deal_type);
  return form(`/api/v1/deals/${deal.id}`, "PATCH", "Save", deal.name, deal.target_name, type);
}

function form(
  url: string,
  method: string,
  verb: string,
  name: string,
  target: string,
  type: DealType,
): string {
  const options = DEAL_TYPES.map(
    (value) => `<option value="${value}"${value === type ? " selected" : ""}>${value}</option>`,
  );
  const help = DEAL_TYPES.map((value) => `<dt>${value}</dt><dd>${HELP[value]}</dd>`);
  return `<form>
<p><label>Name <input name="name" required maxlength="200" value="${escapeHtml(name)}"></label></p>
<p><label>Target <input name="target_name" required maxlength="200" value="${escapeHtml(target)}"></label></p>
<p><label>Deal type <select name="deal_type" required aria-describedby="types">${options.join("")}</select></label></p>
<dl id="types">${help.join("")}</dl>
<p><button>${verb}</button> <output></output></p>
</form>
<script>
document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = JSON.stringify(Object.fromEntries(new FormData(event.target)));
  const headers = { "content-type": "application/json" };
  const response = await fetch("${url}", { method: "${method}", headers, body });
  const answer = await response.json();
  document.querySelector("output").textContent = response.ok ? "Saved as deal " + answer.id : answer.error.message;
});
</script>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
