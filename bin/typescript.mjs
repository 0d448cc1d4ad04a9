import { createHash, randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { OWN, ROOT } from "./paths.mjs";

/**
 * What runs of this program: the Pulumi program, a step's process, the command line. They are bundled into one folder
 * of plain JavaScript, named by what it was made of. To load 200 files by tsx would cost 0.8 s in each preview and 0.3 s
 * in each step (docs/decisions/0003).
 */
const ENTRIES = ["index.ts", "steps/main.ts", "cli/main.ts"];
const BUNDLES = join(OWN, "program");
/**
 * Packages that stay where they are: Pulumi's loader brings its own SDK, the others read files that lie beside them.
 * All else goes into the bundle: its 500 files would cost 0.2 s in each preview.
 */
const UNBUNDLED = [
  "@axe-core/playwright",
  "@pulumi/*",
  "esbuild",
  "libpg-query",
  "pg-native",
  "playwright-core",
  "squawk-cli",
  "yargs",
];
/** Which bundle is the current one, and the sources that it was made of, relative to the checkout. */
const CURRENT = join(BUNDLES, "current.json");
/** A process imports parts of its bundle while it works: no bundle is removed while a step may still run from it. */
const KEPT_DAYS = 30;

/** Of everything that decides about a bundle: where the checkout lies, this file, the bundler, the sources. */
function digestOf(inputs) {
  const hash = createHash("sha256").update(ROOT);
  for (const file of ["bin/typescript.mjs", "package-lock.json", ...inputs]) {
    const content = readFileSync(join(ROOT, file));
    hash.update(`\0${file}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex").slice(0, 16);
}

/** The current bundle's folder, or undefined when a source has changed since. */
function findBundle() {
  try {
    const { digest, inputs } = JSON.parse(readFileSync(CURRENT, "utf8"));
    const folder = join(BUNDLES, digest);
    return digestOf(inputs) === digest && existsSync(folder) ? folder : undefined;
  } catch {
    // None yet, or a source was removed.
    return undefined;
  }
}

/** A source keeps its own address when it is part of a bundle. */
const ownAddress = {
  name: "own-address",
  setup(build) {
    build.onLoad({ filter: /\.(ts|mjs)$/ }, ({ path }) => {
      const address = JSON.stringify(pathToFileURL(path).href);
      const contents = readFileSync(path, "utf8").replaceAll("import.meta.url", address);
      return { contents, loader: path.endsWith(".ts") ? "ts" : "js" };
    });
  },
};

/** One entry in a bundle of its own: what is shared by all three would be 160 small files more to load. */
async function bundleEntry(entry, folder) {
  const { build } = await import("esbuild");
  const { metafile } = await build({
    entryPoints: [join(ROOT, entry)],
    absWorkingDir: ROOT,
    outdir: folder,
    outbase: ROOT,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    external: UNBUNDLED,
    // What is CommonJS asks for Node's own modules in this way.
    banner: {
      js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
    },
    platform: "node",
    target: "node20",
    format: "esm",
    metafile: true,
    // Read when an error is kept, and only then (errors/source-lines.ts): Pulumi would read a map that is named.
    sourcemap: "external",
    sourcesContent: false,
    logLevel: "error",
    plugins: [ownAddress],
  });
  return Object.keys(metafile.inputs);
}

async function buildInto(folder) {
  const inputs = (await Promise.all(ENTRIES.map((entry) => bundleEntry(entry, folder)))).flat();
  // What is installed is as package-lock.json says.
  const own = new Set(inputs.filter((path) => !path.startsWith("node_modules/")));
  return [...own].map((path) => relative(ROOT, join(ROOT, path)));
}

/** Several processes may find the bundle stale at once: each builds its own, and the names are set by renaming. */
async function makeBundle() {
  const part = join(BUNDLES, `part-${randomBytes(6).toString("hex")}`);
  mkdirSync(part, { recursive: true });
  try {
    const inputs = await buildInto(part);
    const digest = digestOf(inputs);
    const folder = join(BUNDLES, digest);
    if (!existsSync(folder)) moveUnlessThere(part, folder);
    writeFileSync(`${part}.json`, JSON.stringify({ digest, inputs }));
    renameSync(`${part}.json`, CURRENT);
    removeOld(folder);
    return folder;
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

function removeOld(current) {
  const oldest = Date.now() - KEPT_DAYS * 24 * 3_600_000;
  for (const path of readdirSync(BUNDLES).map((name) => join(BUNDLES, name))) {
    if (path === current || path === CURRENT) continue;
    // Another process may be removing it as well.
    const { mtimeMs = Number.POSITIVE_INFINITY } = statSync(path, { throwIfNoEntry: false }) ?? {};
    if (mtimeMs < oldest) rmSync(path, { recursive: true, force: true });
  }
}

function moveUnlessThere(from, to) {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
  }
}

/** Imports a module of this project, one of ENTRIES, in this process. */
export async function importTypeScript(entry) {
  const folder = findBundle() ?? (await makeBundle());
  return import(pathToFileURL(join(folder, entry.replace(/\.ts$/, ".mjs"))).href);
}
