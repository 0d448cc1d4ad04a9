import type { Locator, Page } from "playwright-core";
import type { ELEMENT_KINDS } from "../config/browser-action.ts";
import { lineStart } from "../system/plain-line.ts";

type Kind = (typeof ELEMENT_KINDS)[number];

/** Live regions have no name of their own: they are told by what they say. */
const SAID_BY_CONTENT: readonly string[] = ["status", "alert"];
/** What Playwright calls fields in its account of a page. */
const FIELD_ROLES = [
  "textbox",
  "combobox",
  "spinbutton",
  "searchbox",
  "listbox",
  "checkbox",
  "radio",
  "switch",
];
const SHOWN = 8;
const LOOK_MS = 1_000;

/** The parts of an element's name, e.g. `button "Create deal"`. */
function partsOf(name: string): { kind: Kind; words: string } {
  const [, kind = "", words = ""] = /^(\w+) "(.*)"$/.exec(name) ?? [];
  return { kind: kind as Kind, words };
}

/** Exactly these words, whatever the blanks, and with the asterisk that many forms put beside what is required. */
function labelPattern(label: string): RegExp {
  const words = label.trim().replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^\\s*${words.replaceAll(/\s+/g, "\\s+")}\\s*\\*?\\s*$`);
}

/** A field by what is written beside it, as a screen reader says it; a password's field has a label but no role. */
export function field(page: Page, label: string): Locator {
  const name = labelPattern(label);
  return (["textbox", "combobox", "spinbutton", "listbox"] as const).reduce(
    (found, role) => found.or(page.getByRole(role, { name })),
    page.getByLabel(name),
  );
}

/** The element of that name; there may be none, or several. */
export function element(page: Page, name: string): Locator {
  const { kind, words } = partsOf(name);
  if (kind === "field") return field(page, words);
  if (kind === "text") return page.getByText(words);
  if (SAID_BY_CONTENT.includes(kind)) return page.getByRole(kind).filter({ hasText: words });
  return page.getByRole(kind, { name: words, exact: true });
}

/** The elements of that name that a person sees. */
export const seenElement = (page: Page, name: string): Locator =>
  element(page, name).filter({ visible: true });

/** What the page shows of that kind, for the person who looks for what is missing. */
export async function describeKind(page: Page, name: string): Promise<string> {
  const { kind } = partsOf(name);
  if (kind === "text") {
    const [text = ""] = await page.locator("body").allInnerTexts();
    return text === "" ? "an empty page" : `a page that says ${lineStart(text, 300)}`;
  }
  const roles = kind === "field" ? FIELD_ROLES : [kind];
  const account = await page
    .locator("body")
    .ariaSnapshot({ timeout: LOOK_MS })
    .catch(() => "");
  const found = account
    .split("\n")
    .map((line) => line.trim().replace(/^- /, ""))
    .filter((line) => roles.some((role) => new RegExp(`^${role}\\b`).test(line)))
    .map((line) => lineStart(line.replace(/:$/, ""), 100));
  if (found.length === 0) return `no ${kind}`;
  const more = found.length - SHOWN;
  return found.slice(0, SHOWN).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
