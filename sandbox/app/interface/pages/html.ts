/** Text that is HTML already. Everything else is escaped when it gets into a page. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type Content = Html | string | number | false | null | undefined | readonly Content[];

/** A template for HTML: what is put into it is text, and stays text, unless it was made by this template as well. */
export function html(literals: TemplateStringsArray, ...contents: Content[]): Html {
  return new Html(literals.map((literal, index) => literal + render(contents[index])).join(""));
}

function render(content: Content): string {
  if (content === undefined || content === null || content === false) return "";
  if (content instanceof Html) return content.text;
  if (typeof content === "string" || typeof content === "number") return escapeHtml(String(content));
  return content.map(render).join("");
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}
