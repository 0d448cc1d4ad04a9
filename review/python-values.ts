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
export function parsePython(source: string): PythonFile | undefined {
  // Windows' editors put a byte order mark there, which Python passes over.
  const text = source.replace(/^\uFEFF/, "");
  const parse = parser.startParse(text);
  const until = performance.now() + PARSE_MS;
  for (let tree = parse.advance(); performance.now() < until; tree = parse.advance()) {
    if (tree) return { text, root: tree.topNode };
  }
  return undefined;
}

/** A value as the file writes it: one expression, or several without brackets around them. */
export type Assigned = SyntaxNode | SyntaxNode[];
/** Names and what they stand for; undefined for one whose value only running the file could tell. */
export type Names = Map<string, Assigned | undefined>;

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

function readAll(
  file: PythonFile,
  nodes: SyntaxNode[],
  names: Names | undefined,
  depth: number,
): PythonValue | undefined {
  const values = nodes.map((node) => readValue(file, node, names, depth + 1));
  return values.includes(undefined) ? undefined : (values as PythonValue[]);
}

/** The value of an expression; undefined for what only running the file could tell. */
export function readValue(
  file: PythonFile,
  node: Assigned,
  names?: Names,
  depth = 0,
): PythonValue | undefined {
  if (depth > DEEPEST) return undefined;
  if (Array.isArray(node)) return readAll(file, node, names, depth);
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
    case "ArrayExpression":
      return readAll(file, itemsOf(node), names, depth);
    case "VariableName": {
      // A constant of the file; not through a second name, so that no chain runs in a circle.
      const assigned = names?.get(sliceOf(file, node));
      return assigned ? readValue(file, assigned, undefined, depth + 1) : undefined;
    }
    default:
      return undefined;
  }
}

/** Nodes that stand for nothing of their own. */
const PUNCTUATION = ["(", ")", "[", "]", "{", "}", ",", "Comment", "TypeDef"];

/** The parts of a list, a tuple or a list of arguments. */
export const itemsOf = (node: SyntaxNode): SyntaxNode[] =>
  childrenOf(node).filter(({ name }) => !PUNCTUATION.includes(name));

/** `a, b`, `(a, b)` and `[a, b]` as their items; undefined for a single thing. */
function unpack(nodes: SyntaxNode[]): SyntaxNode[] | undefined {
  const [only, ...more] = nodes;
  if (more.length > 0) return nodes;
  return only && ["TupleExpression", "ArrayExpression"].includes(only.name) ? itemsOf(only) : undefined;
}

/** Names that one assignment gives a value, `a, b = 1, 2` and `a = b = 1` included; undefined: the value can't be told. */
export function assignedNames(file: PythonFile, statement: SyntaxNode): [string, Assigned | undefined][] {
  const groups: SyntaxNode[][] = [[]];
  for (const node of childrenOf(statement)) {
    if (node.name === "AssignOp") groups.push([]);
    else if (!PUNCTUATION.includes(node.name)) groups.at(-1)?.push(node);
  }
  const value = groups.pop() ?? [];
  return groups.flatMap((targets): [string, Assigned | undefined][] => {
    const several = unpack(targets);
    const values = several && unpack(value);
    const pairs = (several ?? targets).map((target, at): [SyntaxNode, Assigned | undefined] => {
      if (!several) return [target, value.length > 1 ? value : value[0]];
      return [target, values?.length === several.length ? values[at] : undefined];
    });
    return pairs
      .filter(([target]) => target.name === "VariableName")
      .map(([target, assigned]) => [sliceOf(file, target), assigned]);
  });
}

/**
 * What the file assigns to names outside of any function; the last assignment counts. One in a branch or a loop, and one
 * that adds to what was there (`+=`), leaves a value that only running the file could tell.
 */
export function moduleNames(file: PythonFile): Names {
  const names: Names = new Map();
  file.root.cursor().iterate(({ node }) => {
    if (/^(FunctionDefinition|ClassDefinition|LambdaExpression)$/.test(node.name)) return false;
    if (node.name === "AssignStatement") {
      const outer = node.parent?.name === "Script";
      for (const [name, value] of assignedNames(file, node)) names.set(name, outer ? value : undefined);
    } else if (node.name === "UpdateStatement" || node.name === "ForStatement") {
      const target = node.getChild("VariableName");
      if (target) names.set(sliceOf(file, target), undefined);
    }
    return true;
  });
  return names;
}

/** Whether the file uses a name anywhere but in a text or a comment. */
export function mentionsName({ root, text }: PythonFile, name: string): boolean {
  const cursor = root.cursor();
  do {
    if (cursor.name === "VariableName" && text.slice(cursor.from, cursor.to) === name) return true;
  } while (cursor.next());
  return false;
}

/** Line of a place in the file, from 1. */
export function lineAt({ text }: PythonFile, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}
