/**
 * Says in the browser what the server would say of the form, and follows the chosen deal type with its help.
 * Rules and messages are the server's: they come with the fields. Without this script the form works as well.
 */
const form = document.querySelector("form[data-deal-form]");
const type = form.elements.namedItem("deal_type");
const fields = [...form.elements].filter(({ dataset }) => dataset.invalid);

function messageOf({ value, required, validity, dataset }) {
  if (required && value.trim() === "") return dataset.missing;
  return validity.valid ? "" : dataset.invalid;
}

function showMessage(field, message) {
  const error = document.getElementById(`error-${field.name}`);
  error.textContent = message;
  error.hidden = message === "";
  if (message) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}

/** A new summary each time: an alert is read aloud when it appears. */
function showSummary(problems) {
  form.querySelector(".problems")?.remove();
  if (problems.length === 0) return;
  const summary = template.cloneNode(true);
  for (const { field, message } of problems) {
    const link = document.createElement("a");
    link.href = `#${field.id}`;
    link.textContent = message;
    const item = document.createElement("li");
    item.append(link);
    summary.querySelector("ul").append(item);
  }
  form.prepend(summary);
  summary.focus();
}

function emptySummary() {
  const shown = form.querySelector(".problems");
  const summary = (shown ?? form.querySelector("template").content.firstElementChild).cloneNode(true);
  summary.querySelector("ul").replaceChildren();
  summary.removeAttribute("autofocus");
  return summary;
}

const template = emptySummary();
form.noValidate = true;
form.querySelector(".problems")?.focus();

form.addEventListener("submit", (event) => {
  const problems = fields
    .map((field) => ({ field, message: messageOf(field) }))
    .filter(({ message }) => message);
  for (const field of fields) showMessage(field, messageOf(field));
  showSummary(problems);
  const button = form.querySelector("button");
  if (problems.length > 0) event.preventDefault();
  else button.disabled = true;
});

// What was wrong is no longer shown as wrong once it is right; nothing is called wrong while it is being typed.
form.addEventListener("input", ({ target }) => {
  if (target.getAttribute("aria-invalid") && !messageOf(target)) showMessage(target, "");
});

form.addEventListener("click", ({ target }) => {
  const field = target.closest?.(".problems a") && document.querySelector(target.getAttribute("href"));
  field?.focus();
});

function showHelp() {
  const help = document.getElementById("deal-type-help");
  const text = type.selectedOptions[0]?.dataset.help ?? "";
  if (help.textContent !== text) help.textContent = text;
}
type.addEventListener("change", showHelp);

// Back from another page: browsers restore what was chosen, and the button as it was left.
window.addEventListener("pageshow", () => {
  form.querySelector("button").disabled = false;
  showHelp();
});
