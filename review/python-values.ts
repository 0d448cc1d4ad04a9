import type { SyntaxNode } from "@lezer/common";
import { parser } from "@lezer/python";

/** A parsed Python file. What is no Python becomes error nodes: parsing never throws for it. */
export interface PythonFile {
  text: string;
  root: SyntaxNode;
}

/** Longest time for one file. Recovering from text that is no Python at all takes long; a person's file takes ms. */
const PARSE_MS = 1_000;

/** A value that needs no running: text, None, true or false, or a list of them. */
export type PythonValue = string | boolean | null | PythonValue[];

/** @returns undefined for a text that could not be read in time. */
export function parsePython(text: string): PythonFile | undefined {
  const parse = parser.startParse(text);
  const until = performance.now() + PARSE_MS;
  for (let tree = parse.advance(); performance.now() < until; tree = parse.advance()) {
    if (tree) return { text, root: tree.topNode };
  }
  return undefined;
}

export const sliceOf = ({ text }: PythonFile, node: SyntaxNode): string => text.slice(node.from, node.to);

/** The direct children of a node. */
export function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) children.push(child);
  return children;
}

const ESCAPES: Record<string, string> = {
  n: "\n",
  t: "\t",
  r: "\r",
  "\\": "\\",
  "'": "'",
  '"': '"',
  "\n": "",
};

function decode(source: string): string {
  const [, prefix = "", quote = "", body = ""] =
    /^([a-zA-Z]{0,2})("""|'''|"|')([\s\S]*)\2$/.exec(source) ?? [];
  if (!quote) return "";
  if (/r/i.test(prefix)) return body;
  const plainText = (whole: string, hex: string | undefined, plain: string) =>
    hex ? String.fromCodePoint(Number.parseInt(hex.slice(1), 16)) : (ESCAPES[plain] ?? whole);
  return body.replaceAll(/\\(?:(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4})|([\s\S]))/g, plainText);
}

/** Brackets within brackets that anybody writes by hand; hostile files go deeper. */
const DEEPEST = 20;

/** The value of an expression; undefined for what only running the file could tell. */
export function readValue(
  file: PythonFile,
  node: SyntaxNode,
  names?: Map<string, SyntaxNode>,
  depth = 0,
): PythonValue | undefined {
  if (depth > DEEPEST) return undefined;
  switch (node.name) {
    case "String":
      return decode(sliceOf(file, node));
    case "ContinuedString": {
      const parts = childrenOf(node).map((part) => readValue(file, part, names, depth + 1));
      return parts.every((part) => typeof part === "string") ? parts.join("") : undefined;
    }
    case "None":
      return null;
    case "Boolean":
      return sliceOf(file, node) === "True";
    case "ParenthesizedExpression": {
      const inner = node.firstChild?.nextSibling;
      return inner ? readValue(file, inner, names, depth + 1) : undefined;
    }
    case "TupleExpression":
    case "ArrayExpression": {
      const items = childrenOf(node).filter(
        ({ name }) => !["(", ")", "[", "]", ",", "Comment"].includes(name),
      );
      const values = items.map((item) => readValue(file, item, names, depth + 1));
      return values.includes(undefined) ? undefined : (values as PythonValue[]);
    }
    case "VariableName": {
      // A constant of the file; not through a second name, so that no chain runs in a circle.
      const assigned = names?.get(sliceOf(file, node));
      return assigned ? readValue(file, assigned, undefined, depth + 1) : undefined;
    }
    default:
      return undefined;
  }
}

/** What the file assigns to names outside of any function: name → expression; the last assignment counts. */
export function moduleNames(file: PythonFile): Map<string, SyntaxNode> {
  const names = new Map<string, SyntaxNode>();
  for (const statement of childrenOf(file.root)) {
    if (statement.name !== "AssignStatement") continue;
    const [target, ...rest] = childrenOf(statement);
    const value = rest.at(-1);
    if (target?.name === "VariableName" && value && value.name !== "AssignOp")
      names.set(sliceOf(file, target), value);
  }
  return names;
}
