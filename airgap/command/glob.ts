/**
 * Compiles a glob of `assetPaths` or `archivePaths`. `*` matches anything but `/`, `**` anything, `?` one character
 * but `/`; `[abc]`, `[a-z]`, `[!abc]`, `{one,two}` and `\` work as in a shell.
 * Not what most globs for Node do: there `a/**.js` does not reach into folders, here it does.
 * @see https://github.com/gobwas/glob the syntax that the `command` provider documents
 */
export function compileGlob(glob: string): RegExp {
  let source = "";
  let depth = 0;
  for (let at = 0; at < glob.length; at += 1) {
    const rest = glob.slice(at);
    const token = /^(\*\*|\[!?[^\]]+\]|\\.|.)/su.exec(rest)?.[0] ?? "";
    at += token.length - 1;
    if (token === "{") depth += 1;
    if (token === "}" && depth === 0) throw new Error(`glob: expected { before } in ${JSON.stringify(glob)}`);
    source += translate(token, depth);
    if (token === "}") depth -= 1;
  }
  if (depth > 0) throw new Error(`glob: expected } after { in ${JSON.stringify(glob)}`);
  return new RegExp(`^${source}$`, "su");
}

function translate(token: string, depth: number): string {
  if (token === "**") return ".*";
  if (token === "*") return "[^/]*";
  if (token === "?") return "[^/]";
  if (token === "{") return "(?:";
  if (token === "}") return ")";
  if (token === "," && depth > 0) return "|";
  if (token.length > 1 && token.startsWith("[")) return translateClass(token);
  if (token.length > 1 && token.startsWith("\\")) return escapeLiteral(token.slice(1));
  return escapeLiteral(token);
}

function translateClass(token: string): string {
  const negated = token.startsWith("[!");
  const inner = token.slice(negated ? 2 : 1, -1).replace(/[\\\]^[]/g, "\\$&");
  return `[${negated ? "^" : ""}${inner}]`;
}

function escapeLiteral(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
