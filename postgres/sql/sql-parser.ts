/** A node of PostgreSQL's own parse tree: `{UpdateStmt: {…}}` and the like, as libpg_query names them. */
export type SqlNode = Record<string, unknown>;

/** One statement as the server's grammar reads it. */
export interface ParsedStatement {
  /** Name of the statement's node, e.g. `AlterTableStmt`. */
  kind: string;
  body: SqlNode;
  text: string;
}

/** Longest text that is parsed: hostile or generated files must not fill the memory. */
const LIMIT = 1024 * 1024;

/**
 * Parses SQL with PostgreSQL's own grammar, compiled to WebAssembly: no server, no network.
 * @throws {Error} the parser's message for what is no SQL.
 */
export async function parseSql(text: string): Promise<ParsedStatement[]> {
  if (text.length > LIMIT) throw new Error(`more than ${LIMIT} characters of SQL`);
  // Loaded at first use: most processes of a rollout parse nothing.
  const { parse } = await import("libpg-query");
  const source = Buffer.from(text, "utf8");
  const { stmts = [] } = (await parse(text)) as {
    stmts?: { stmt?: SqlNode; stmt_location?: number; stmt_len?: number }[];
  };
  return stmts.flatMap(({ stmt = {}, stmt_location: from = 0, stmt_len: length }) =>
    Object.entries(stmt).map(([kind, body]) => ({
      kind,
      body: body as SqlNode,
      // Locations count bytes.
      text: source.toString("utf8", from, length ? from + length : source.length).trim(),
    })),
  );
}

/** Every node of that name at any depth, outermost first. */
export function findNodes(root: unknown, name: string): SqlNode[] {
  const found: SqlNode[] = [];
  const stack: unknown[] = [root];
  while (stack.length > 0) {
    const node = stack.pop();
    if (node === null || typeof node !== "object") continue;
    for (const [key, value] of Object.entries(node)) {
      if (key === name && value !== null && typeof value === "object") found.push(value as SqlNode);
      stack.push(value);
    }
  }
  return found;
}

/** The last part of each column reference below a node: `deal_type` for `d.deal_type`. */
export function columnsIn(root: unknown): string[] {
  return findNodes(root, "ColumnRef").flatMap(({ fields }) => {
    const last = (fields as SqlNode[]).at(-1) as { String?: { sval?: string } };
    return last?.String?.sval === undefined ? [] : [last.String.sval];
  });
}

/** The string constants below a node. */
export function stringsIn(root: unknown): string[] {
  return findNodes(root, "A_Const").flatMap(({ sval }) =>
    sval === undefined ? [] : [(sval as { sval?: string }).sval ?? ""],
  );
}
