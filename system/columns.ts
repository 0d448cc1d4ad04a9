import Table from "cli-table3";

const NO_FRAME = {
  ...{ top: "", "top-mid": "", "top-left": "", "top-right": "" },
  ...{ bottom: "", "bottom-mid": "", "bottom-left": "", "bottom-right": "" },
  ...{ left: "", "left-mid": "", mid: "", "mid-mid": "", right: "", "right-mid": "", middle: "  " },
};

/**
 * Rows as lines with aligned columns, two blanks apart, by the width that letters have on a terminal.
 * @param align of each column, left where nothing is said.
 */
export function alignColumns(
  rows: readonly (readonly string[])[],
  align: readonly ("left" | "right")[] = [],
): string[] {
  if (rows.length === 0) return [];
  const style = { "padding-left": 0, "padding-right": 0, compact: true, head: [], border: [] };
  const table = new Table({ chars: NO_FRAME, style, colAligns: [...align] });
  const width = Math.max(...rows.map((row) => row.length));
  table.push(...rows.map((row) => Array.from({ length: width }, (_, at) => row[at] ?? "")));
  const lines = table.toString().split("\n");
  return lines.map((line) => line.trimEnd());
}
