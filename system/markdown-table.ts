/** A text of others within a line or a cell: it can neither end that nor become markup. */
export const markdownCell = (text: string): string =>
  text.replaceAll(/[|\\`<]/g, "\\$&").replaceAll(/\s+/g, " ");

/** Lines of a table, from cells that are Markdown already. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (row: readonly string[]) => `| ${row.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)];
}
