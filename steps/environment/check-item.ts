/** One thing the environment check looked at, as a person and the audit read it. Never holds a secret. */
export interface CheckItem {
  name: string;
  /** `failed` stops the step; `warning` is for a person to judge; `info` is a fact for the record. */
  status: "ok" | "info" | "warning" | "failed";
  found: string;
  expected?: string;
  /** What to do about it. Always set on `failed` and `warning`. */
  remedy?: string;
}

const MARKS = { ok: "ok", info: "--", warning: "WARN", failed: "FAIL" } as const;

/** The items as an aligned table, remedies below the line that needs them. */
export function renderItems(items: readonly CheckItem[]): string[] {
  const width = Math.max(0, ...items.map(({ name }) => name.length));
  return items.flatMap(({ name, status, found, expected, remedy }) => [
    `${MARKS[status].padEnd(4)}  ${name.padEnd(width)}  ${found}${expected ? ` (expected ${expected})` : ""}`,
    ...(remedy ? [`${" ".repeat(6 + width + 2)}→ ${remedy}`] : []),
  ]);
}

/** One line for a failed item, in the form of all errors: expected, got, next action. */
export function describeFailure({ name, found, expected, remedy }: CheckItem): string {
  return `${name}: expected ${expected ?? "success"}, got ${found}.${remedy ? ` ${remedy}` : ""}`;
}
