import type { Mention } from "../config/documentation.ts";

const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&");

/** In any case, as whole words of any script, and across the line breaks of a paragraph. */
function wholeWords(phrase: string): RegExp {
  const words = phrase.trim().split(/\s+/).map(escaped).join("\\s+");
  return new RegExp(`(?<![\\p{L}\\p{N}_])${words}(?![\\p{L}\\p{N}_])`, "iu");
}

/** How a mention is named in messages. */
export const mentionText = (mention: Mention): string =>
  typeof mention === "string" ? `"${mention}"` : `/${mention.pattern}/`;

/** Whether a text holds what it has to mention. Pure. */
export function mentions(text: string, mention: Mention): boolean {
  const pattern = typeof mention === "string" ? wholeWords(mention) : new RegExp(mention.pattern, "iu");
  return pattern.test(text.normalize("NFC"));
}
