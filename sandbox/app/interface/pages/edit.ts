import type { Deal } from "../deal.ts";
import { editDeal, findDeal } from "../deals.ts";
import type { Answer } from "../http.ts";
import type { Visit } from "../pages.ts";
import { readForm } from "../request-body.ts";
import { type DealForm, dealForm } from "./deal-form.ts";
import { seeDeal } from "./flash.ts";
import { checkValues, EDIT_FIELDS, readValues, valuesOf } from "./form-values.ts";
import { html } from "./html.ts";
import { page } from "./layout.ts";
import { refuseForm } from "./refused-form.ts";

export async function showEditPage({ parts, id }: Visit): Promise<Answer> {
  const deal = await findDeal(parts, id);
  return editPage(200, deal, { values: valuesOf(deal), problems: [] }, parts.settings);
}

export async function editDealFromForm({ parts, request, url, id }: Visit): Promise<Answer> {
  const deal = await findDeal(parts, id);
  const values = readValues(await readForm(request), EDIT_FIELDS);
  const { fields, problems } = checkValues(values, EDIT_FIELDS, deal);
  if (problems.length > 0) return editPage(422, deal, { values, problems }, parts.settings);
  try {
    await editDeal(parts, id, fields);
    return seeDeal(id, "saved");
  } catch (error) {
    const { status, problem } = refuseForm(error, parts.log, url.pathname);
    return editPage(status, deal, { values, problems: [problem] }, parts.settings);
  }
}

function editPage(
  status: number,
  deal: Deal,
  form: Pick<DealForm, "values" | "problems">,
  settings: Visit["parts"]["settings"],
): Answer {
  const path = `/deals/${deal.id}`;
  const main = html`<p class="trail"><a href="${path}">${deal.name}</a></p>
<h1>Edit deal</h1>
${dealForm({ ...form, deal, action: `${path}/edit`, button: "Save changes", cancel: path })}`;
  const title = `${form.problems.length > 0 ? "Error: " : ""}Edit ${deal.name}`;
  return page(status, settings, { title, here: "deals", kind: "form", main });
}
