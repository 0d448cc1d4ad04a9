import type { Deal } from "../deal.ts";
import { DEAL_TYPES, type DealType } from "../deal-type.ts";
import { choicesOf, FIELDS, type Field, type FieldName } from "./deal-fields.ts";
import { isDealType, TYPE_HELP, TYPE_NAMES } from "./deal-type-text.ts";
import type { Problem, Values } from "./form-values.ts";
import { type Content, type Html, html } from "./html.ts";

export interface DealForm {
  action: string;
  button: string;
  cancel: string;
  values: Values;
  problems: readonly Problem[];
  /** The one that is edited. */
  deal?: Deal;
}

/** The form of a deal. It works by itself; static/deal-form.js says sooner what the server would say. */
export function dealForm(form: DealForm): Html {
  const show = (name: FieldName) => showField(name, form);
  return html`<form method="post" action="${form.action}" class="deal" data-deal-form>
${problemSummary(form.problems)}
<section class="card" aria-labelledby="about-deal"><h2 id="about-deal">The deal</h2>
${show("name")}
${show("target_name")}
${show("deal_type")}
${typeHelp(form.values.deal_type)}
</section>
<section class="card" aria-labelledby="about-it"><h2 id="about-it">The IT that comes with it</h2>
<p class="hint">Costs and synergies are estimated from it. The budget is the target's, for one year. You can fill this in later.</p>
<div class="pair">${show("it_budget")}${show("currency")}</div>
<div class="pair">${show("employees")}${show("applications")}</div>
</section>
<section class="card" aria-labelledby="about-team"><h2 id="about-team">For your team</h2>
${form.deal ? html`<div class="pair">${show("lead_name")}${show("status")}</div>` : show("lead_name")}
${show("notes")}
</section>
<p class="actions"><button class="button">${form.button}</button> <a href="${form.cancel}">Cancel</a></p>
</form>`;
}

/** Empty, it waits in a template for the script. */
function problemSummary(problems: readonly Problem[]): Html {
  const items = problems.map(
    ({ field, message }) =>
      html`<li>${field ? html`<a href="#field-${field}">${message}</a>` : html`${message}`}</li>`,
  );
  const summary = html`<div class="problems" role="alert" tabindex="-1"${problems.length > 0 && html` autofocus`}>
<h2>Please check these answers</h2>
<ul>${items}</ul>
</div>`;
  return problems.length > 0 ? summary : html`<template>${summary}</template>`;
}

function showField(name: FieldName, { values, problems, deal }: DealForm): Html {
  const field = FIELDS[name];
  const message = problems.find((problem) => problem.field === name)?.message;
  const describedBy = [
    name === "deal_type" && "deal-type-help",
    field.hint && `hint-${name}`,
    `error-${name}`,
  ].filter(Boolean);
  const attributes = html`id="field-${name}" name="${name}"${field.required && html` required`} aria-describedby="${describedBy.join(" ")}"${message && html` aria-invalid="true"`} data-missing="${field.missing}" data-invalid="${field.invalid}"`;
  return html`<div class="field">
<div class="label"><label for="field-${name}">${field.label}</label>${!field.required && field.kind !== "choice" && html` <span class="optional">optional</span>`}</div>
${field.hint && html`<p class="hint" id="hint-${name}">${field.hint}</p>`}
<p class="error" id="error-${name}"${!message && html` hidden`}>${message}</p>
${control(name, field, values[name] ?? "", attributes, deal)}
</div>`;
}

const PATTERNS: Partial<Record<Field["kind"], Content>> = {
  amount: html` inputmode="decimal" pattern="[0-9][0-9, ]*([.][0-9]{1,2})?"`,
  count: html` inputmode="numeric" pattern="[0-9][0-9, ]*"`,
};

function control(name: FieldName, field: Field, value: string, attributes: Html, deal?: Deal): Html {
  if (field.kind === "choice") return html`<select ${attributes}>${options(name, value, deal)}</select>`;
  const length = html`maxlength="${field.maxLength}" autocomplete="off"`;
  // A first line end right after the tag is none to browsers: this one stands for it.
  if (field.kind === "notes")
    return html`<textarea ${attributes} ${length} rows="4">
${value}</textarea>`;
  return html`<input ${attributes} ${length}${PATTERNS[field.kind]} value="${value}">`;
}

function options(name: FieldName, chosen: string, deal?: Deal): Html[] {
  return choicesOf(name, deal).map(
    ([value, text]) =>
      html`<option value="${value}"${value === chosen && html` selected`}${name === "deal_type" && html` data-help="${TYPE_HELP[value as DealType]}"`}>${text}</option>`,
  );
}

/** The chosen type's help, and all three to compare. */
function typeHelp(chosen = ""): Html {
  return html`<p id="deal-type-help" class="help" aria-live="polite">${TYPE_HELP[isDealType(chosen) ? chosen : "acquisition"]}</p>
<details><summary>Compare the deal types</summary>
<dl>${DEAL_TYPES.map((type) => html`<dt>${TYPE_NAMES[type]}</dt><dd>${TYPE_HELP[type]}</dd>`)}</dl>
</details>`;
}
