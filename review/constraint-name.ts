import type { SyntaxNode } from "@lezer/common";
import { childrenOf, type PythonFile, parsePython, readValue, sliceOf } from "./python-values.ts";
import type { SourceFile } from "./source-tree.ts";

/** How the application's models have CHECK constraints named: `MetaData(naming_convention={"ck": …})`. */
export type NamingConvention =
  | { template: string; file: string }
  /** Several, or one that only running the file could tell. */
  | { unknown: string }
  | undefined;

function readDictionary(file: PythonFile, node: SyntaxNode): string | undefined {
  const parts = childrenOf(node).filter(({ name }) => !["{", "}", ",", ":", "Comment"].includes(name));
  for (let at = 0; at + 1 < parts.length; at += 2) {
    const [key, value] = [parts[at], parts[at + 1]] as [SyntaxNode, SyntaxNode];
    if (readValue(file, key) !== "ck") continue;
    const template = readValue(file, value);
    return typeof template === "string" ? template : "";
  }
  return undefined;
}

/** `dict(ck="…")`, with the same answer as for a dictionary. */
function readDictCall(file: PythonFile, node: SyntaxNode): string | undefined {
  if (node.firstChild === null || sliceOf(file, node.firstChild) !== "dict") return undefined;
  const parts = childrenOf(node.getChild("ArgList") ?? node);
  const at = parts.findIndex(
    (part, index) => sliceOf(file, part) === "ck" && parts[index + 1]?.name === "AssignOp",
  );
  const value = at < 0 ? undefined : parts[at + 2];
  const template = value && readValue(file, value);
  return value && (typeof template === "string" ? template : "");
}

/** What `naming_convention` is set to there: by a call, an assignment, or key by key. */
function settingOf(file: PythonFile, node: SyntaxNode): SyntaxNode | undefined {
  if (!["VariableName", "PropertyName"].includes(node.name) || sliceOf(file, node) !== "naming_convention")
    return undefined;
  const member = node.name === "PropertyName" ? node.parent : node;
  const keyed = member?.parent?.name === "MemberExpression" ? member.parent : undefined;
  const after = (keyed ?? member)?.nextSibling;
  return after?.name === "AssignOp" ? (keyed ?? after.nextSibling ?? undefined) : undefined;
}

/** Whether the value hides what it has for CHECKs; a name stands for a dictionary that is found by itself. */
const hides = (node: SyntaxNode) =>
  !["DictionaryExpression", "VariableName", "None"].includes(node.name) || node.getChild("**") !== null;

/** The templates for CHECKs in one file; an empty one is there, but can't be read. */
function templatesOf(text: string): string[] {
  if (!text.includes("naming_convention") && !/["']ck["']/.test(text)) return [];
  const file = parsePython(text);
  if (!file) return [];
  const found: string[] = [];
  const cursor = file.root.cursor();
  do {
    const { node } = cursor;
    const template =
      node.name === "DictionaryExpression"
        ? readDictionary(file, node)
        : node.name === "CallExpression"
          ? readDictCall(file, node)
          : undefined;
    if (template !== undefined) found.push(template);
    const setting = settingOf(file, node);
    if (setting && hides(setting) && !/^dict\(/.test(sliceOf(file, setting))) found.push("");
  } while (cursor.next());
  return found;
}

/** The naming convention that some files of the application have between them. */
export function findConvention(files: readonly SourceFile[]): NamingConvention {
  const found = files.flatMap(({ path, text }) =>
    templatesOf(text).map((template) => ({ template, file: path })),
  );
  const templates = [...new Set(found.map(({ template }) => template))];
  const [first] = found;
  if (!first) return undefined;
  const places = [...new Set(found.map(({ file }) => file))].join(", ");
  return templates.length === 1 && first.template !== "" ? first : { unknown: places };
}

const TOKEN = /%\((\w+)\)s/g;

/** The name as Alembic makes it, or why it is not known. `exact`: marked by `op.f`, which no convention touches. */
export function constraintName(
  given: { name: string | undefined; exact: boolean; table: string },
  convention: NamingConvention,
): { name: string } | { unknown: string } {
  const { name, exact, table } = given;
  if (name !== undefined && (exact || convention === undefined)) return { name };
  if (convention === undefined) return { unknown: "it has none, so PostgreSQL makes one" };
  if ("unknown" in convention)
    return { unknown: `a naming convention makes it that can't be told (${convention.unknown})` };
  const { template, file } = convention;
  const tokens = [...template.matchAll(TOKEN)].map(([, token]) => token as string);
  // A convention that has no place for a given name leaves it as it is.
  if (name !== undefined && !tokens.includes("constraint_name")) return { name };
  const known: Record<string, string | undefined> = { table_name: table, constraint_name: name };
  if (tokens.some((token) => known[token] === undefined))
    return { unknown: `the naming convention of ${file} (${template}) asks for more than it says` };
  const made = template.replaceAll(TOKEN, (_, token: string) => known[token] as string);
  // SQLAlchemy cuts a longer one, and puts a sum of it at its end.
  if (Buffer.byteLength(made) > 63)
    return { unknown: `${made} of the naming convention of ${file} has more than 63 bytes, so it is cut` };
  return { name: made };
}
