/** A key, whatever it is made of: `create` or `edit` is none. */
const KEY = "[^/]*\\d[^/]*";

/**
 * Compares the path of an address with a template. A name in braces stands for one part of it that holds a digit, as
 * keys do, and that part is kept under the name in `kept`.
 * @returns the path that is there; undefined when it is the expected one.
 */
export function matchPath(template: string, url: string, kept: Record<string, string>): string | undefined {
  const path = URL.canParse(url) ? new URL(url).pathname : url;
  const pattern = template.split("/").map((part) => part.replaceAll(/[.*+?^$()|[\]\\]/g, "\\$&"));
  const whole = pattern.join("/").replaceAll(/\{(\w+)\}/g, `(?<$1>${KEY})`);
  const found = new RegExp(`^${whole}$`).exec(path);
  if (!found) return path;
  Object.assign(kept, found.groups);
  return undefined;
}
