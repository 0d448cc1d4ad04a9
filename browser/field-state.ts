import type { Locator } from "playwright-core";

/** What a field shows, and what it says of itself to a screen reader. */
export interface FieldState {
  value: string;
  /** Words of the chosen option; absent for what is no list. */
  option?: string;
  required: boolean;
  /** Seen text of the elements that describe it. */
  help: string;
}

/** As much of the page's own objects as is read. */
interface PageElement {
  value?: string;
  selectedOptions?: ArrayLike<{ label: string }>;
  required?: boolean;
  innerText?: string;
  getAttribute(name: string): string | null;
  checkVisibility(): boolean;
  ownerDocument: { getElementById(id: string): PageElement | null };
}

/** The fields that are seen, without waiting for one. */
export function readField(field: Locator): Promise<FieldState[]> {
  return field.filter({ visible: true }).evaluateAll((elements) =>
    (elements as unknown as PageElement[]).map((element) => ({
      value: element.value ?? "",
      ...(element.selectedOptions?.[0] ? { option: element.selectedOptions[0].label } : {}),
      required: element.required === true || element.getAttribute("aria-required") === "true",
      help: (element.getAttribute("aria-describedby") ?? "")
        .split(/\s+/)
        .map((id) => element.ownerDocument.getElementById(id))
        // biome-ignore lint/performance/useDomNodeTextContent: a person sees no hidden text
        .map((found) => (found?.checkVisibility() ? (found.innerText ?? "") : ""))
        .join(" ")
        .trim(),
    })),
  );
}
