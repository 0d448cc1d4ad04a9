import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A plugin that a package in node_modules says it needs. */
export interface RequiredPackage {
  name: string;
  /** With a leading v, as the engine writes versions. */
  version: string;
  server: string;
}

interface Manifest {
  name?: string;
  version?: string;
  pulumi?: { resource?: boolean; name?: string; version?: string; server?: string };
}

function readManifest(folder: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
  } catch {
    return undefined;
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Every package folder directly in a node_modules folder, scoped ones included. */
function packageFolders(modules: string): string[] {
  return list(modules)
    .filter((name) => !name.startsWith("."))
    .flatMap((name) =>
      name.startsWith("@")
        ? list(join(modules, name)).map((inner) => join(modules, name, inner))
        : [join(modules, name)],
    );
}

function fromManifest(manifest: Manifest): RequiredPackage | undefined {
  const { pulumi } = manifest;
  const name = pulumi?.name || manifest.name?.replace(/^@pulumi\//, "");
  const version = pulumi?.version || manifest.version;
  if (!pulumi?.resource || !name || !version) return undefined;
  return { name, version: version.startsWith("v") ? version : `v${version}`, server: pulumi.server ?? "" };
}

function searchModules(modules: string, found: Map<string, RequiredPackage>): void {
  for (const folder of packageFolders(modules)) {
    const needed = fromManifest(readManifest(folder) ?? {});
    if (needed) found.set(`${needed.name}@${needed.version}`, needed);
    searchModules(join(folder, "node_modules"), found);
  }
}

/** The plugins that the program's dependencies need; looks upward like Node until it finds a node_modules folder. */
export function requiredPackages(programFolder: string): RequiredPackage[] {
  const found = new Map<string, RequiredPackage>();
  for (let folder = programFolder; ; folder = dirname(folder)) {
    const modules = join(folder, "node_modules");
    if (list(modules).length > 0) {
      searchModules(modules, found);
      break;
    }
    if (dirname(folder) === folder) break;
  }
  return [...found.values()];
}
