import type { Parts } from "./router.ts";

/** The page at this path, or undefined when there is none. */
export async function renderPage(path: string, _parts: Parts): Promise<string | undefined> {
  return path === "/deals/create" ? layout("New deal", CREATE_FORM) : undefined;
}

export function layout(title: string, main: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title></head>
<body><main><h1>${title}</h1>
${main}
</main></body>
</html>
`;
}

/** Sends a form as JSON and shows the answer: the API is the only way in. */
export function formScript(url: string, method: string): string {
  return `<script>
document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = Object.fromEntries(new FormData(event.target));
  if (document.querySelector("[name=carve_out]")) body.carve_out = body.carve_out === "on";
  const headers = { "content-type": "application/json" };
  const response = await fetch("${url}", { method: "${method}", headers, body: JSON.stringify(body) });
  const answer = await response.json();
  document.querySelector("output").textContent = response.ok ? "Saved as deal " + answer.id : answer.error.message;
});
</script>`;
}

const CREATE_FORM = `<form>
<p><label>Name <input name="name" required maxlength="200"></label></p>
<p><label>Target <input name="target_name" required maxlength="200"></label></p>
<p><label><input type="checkbox" name="carve_out"> Carve-out</label></p>
<p><button>Create</button> <output></output></p>
</form>
${formScript("/api/v1/deals", "POST")}`;
