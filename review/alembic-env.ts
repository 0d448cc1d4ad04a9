import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { SyntaxNode } from "@lezer/common";
import type { Change } from "../postgres/migration/change.ts";
import type { VersionTable } from "../postgres/migration/version-table.ts";
import { clip, type Finding } from "./finding.ts";
import { lineAt, moduleNames, type PythonFile, parsePython, readValue, sliceOf } from "./python-values.ts";

/** What Alembic's env.py says of the table that holds the revision. */
export interface AlembicEnvironment {
  file: string;
  text: string;
  /** `version_table` and `version_table_schema`; undefined where it says nothing of them. */
  table: string | undefined;
  schema: string | undefined;
  /** Places that only running the file could tell. */
  unread: string[];
}

const OPTIONS = ["version_table", "version_table_schema"] as const;

/** What follows a name or a key: `version_table="x"`, `"version_table": "x"`. */
function valueAfter(file: PythonFile, node: SyntaxNode): { name: string; value: SyntaxNode } | undefined {
  const value = node.nextSibling?.nextSibling;
  const separator = node.nextSibling?.name;
  if (!value || (separator !== "AssignOp" && separator !== ":")) return undefined;
  const name = node.name === "String" ? readValue(file, node) : sliceOf(file, node);
  return typeof name === "string" ? { name, value } : undefined;
}

function readOptions(path: string, text: string): AlembicEnvironment {
  const environment: AlembicEnvironment = {
    ...{ file: path, text, table: undefined, schema: undefined, unread: [] },
  };
  const file = parsePython(text);
  if (!file) return { ...environment, unread: [`${path}:1: it took too long to parse`] };
  const names = moduleNames(file);
  const cursor = file.root.cursor();
  do {
    if (cursor.name !== "VariableName" && cursor.name !== "String") continue;
    const found = valueAfter(file, cursor.node);
    const option = OPTIONS.find((each) => each === found?.name);
    if (!found || !option) continue;
    const value = readValue(file, found.value, names);
    if (typeof value === "string") environment[option === "version_table" ? "table" : "schema"] = value;
    // None: as if it were not said.
    else if (value !== null)
      environment.unread.push(
        `${path}:${lineAt(file, found.value.from)}: ${option}=${sliceOf(file, found.value)}`,
      );
  } while (cursor.next());
  return environment;
}

/** Reads env.py, which stands in the folder of the revisions or in the one above. Nothing of it is run. */
export async function readEnvironment(folder: string): Promise<AlembicEnvironment | undefined> {
  for (const path of [join(folder, "env.py"), join(dirname(folder), "env.py")]) {
    const text = await readFile(path, "utf8").catch(() => undefined);
    if (text !== undefined) return readOptions(path, text);
  }
  return undefined;
}

const stop = (subject: string, finding: string, remedy: string): Finding => ({
  ...{ severity: "stop", topic: "migrations", subject, finding, remedy },
});

/** Whether the table that was found in the database is the one that env.py speaks of. Pure. */
export function judgeEnvironment(
  environment: AlembicEnvironment | undefined,
  found: VersionTable | undefined,
  { change, accept }: { change: Change; accept: readonly string[] },
): Finding[] {
  if (!environment) return [];
  const { schema, table = "alembic_version", unread } = environment;
  const file = clip(environment.file);
  if (change.versionTable === undefined && unread.length > 0 && !accept.includes("env.py")) {
    const remedy =
      'Set change.versionTable, or review.accept: ["env.py"] where the database\'s one is right.';
    return unread.map((place) => stop(file, `not read: ${clip(place, 160)}.`, remedy));
  }
  const said = schema === undefined ? table : `${schema}.${table}`;
  const matches = schema === undefined ? found?.name.endsWith(`.${table}`) : found?.name === said;
  if (unread.length > 0 || matches || (!found && schema === undefined && environment.table === undefined))
    return [];
  const finding = `expected Alembic's table ${clip(said, 130)} as ${file} says, got ${found?.name ?? "none of that name"}.`;
  return [stop(file, finding, "Set change.versionTable to the one that is used, or correct databaseUrl.")];
}
