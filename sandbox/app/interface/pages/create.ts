import { createDeal } from "../deals.ts";
import type { Answer } from "../http.ts";
import type { Visit } from "../pages.ts";
import { readForm } from "../request-body.ts";
import { type DealForm, dealForm } from "./deal-form.ts";
import { seeDeal } from "./flash.ts";
import { CREATE_FIELDS, checkValues, NEW_DEAL, readValues } from "./form-values.ts";
import { html } from "./html.ts";
import { page } from "./layout.ts";
import { refuseForm } from "./refused-form.ts";

export async function showCreatePage({ parts }: Visit): Promise<Answer> {
  return createPage(200, { values: NEW_DEAL, problems: [] }, parts.settings);
}

export async function createDealFromForm({ parts, request, url }: Visit): Promise<Answer> {
  const values = readValues(await readForm(request), CREATE_FIELDS);
  const { fields, problems } = checkValues(values, CREATE_FIELDS);
  if (problems.length > 0) return createPage(422, { values, problems }, parts.settings);
  try {
    return seeDeal((await createDeal(parts, fields)).id, "created");
  } catch (error) {
    const { status, problem } = refuseForm(error, parts.log, url.pathname);
    return createPage(status, { values, problems: [problem] }, parts.settings);
  }
}

function createPage(
  status: number,
  form: Pick<DealForm, "values" | "problems">,
  settings: Visit["parts"]["settings"],
): Answer {
  const main = html`<h1>New deal</h1>
${dealForm({ ...form, action: "/deals/create", button: "Create deal", cancel: "/deals" })}`;
  const title = form.problems.length > 0 ? "Error: New deal" : "New deal";
  return page(status, settings, { title, here: "create", kind: "form", main });
}
