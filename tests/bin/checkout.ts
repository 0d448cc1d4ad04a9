import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { PROJECT_ROOT } from "../../sandbox/paths.ts";
import { temporaryFolder } from "../temporary-folder.ts";

/** Nobody listens there: every download is refused at once. */
export const NOBODY = "http://127.0.0.1:9";

/** How an entry ended. */
export interface Ended {
  exitCode: number | undefined;
  stdout: string;
  stderr: string;
}

/** What a machine has. */
export interface Machine {
  /** Programs on PATH beside node: name → text of a shell script. */
  programs?: Record<string, string>;
  /** False: what the sandbox uses of the system (PostgreSQL, a browser, zstd) is not to be found. */
  packages?: boolean;
  env?: Record<string, string>;
}

/** A checkout with set-up and plugins in it, on a machine that has what the test gives it, with no network. */
export class Checkout {
  readonly folder = temporaryFolder("checkout");
  readonly cache: string;

  constructor(options: { cache?: string; dependencies?: boolean } = {}) {
    this.cache = options.cache ?? join(this.folder, "cache");
    for (const path of ["bin", "airgap", "tools", "package.json", "package-lock.json"]) {
      cpSync(join(PROJECT_ROOT, path), join(this.folder, path), { recursive: true });
    }
    // A machine without Debian's folders: only PATH tells what is there.
    const nowhere = JSON.stringify(join(this.folder, "nowhere"));
    writeFileSync(join(this.folder, "bin", "debian.mjs"), `export const POSTGRES_ROOT = ${nowhere};\n`);
    // The other entries of the bundle, empty.
    writeFileSync(join(this.folder, "index.ts"), "export {};\n");
    for (const name of ["cli", "steps"]) mkdirSync(join(this.folder, name));
    writeFileSync(join(this.folder, "steps", "main.ts"), "export {};\n");
    // Stands for the command line: says that it was reached, and with what.
    const main =
      "console.log(JSON.stringify({ args: process.argv.slice(2), timings: process.env.ROLLOUT_TIMINGS }));\n" +
      "process.exitCode = Number(process.env.EXIT_WITH ?? 0);\n";
    writeFileSync(join(this.folder, "cli", "main.ts"), main);
    if (options.dependencies === false) return;
    // Older than any node_modules: a link to the real one must never be installed anew.
    utimesSync(join(this.folder, "package-lock.json"), 1, 1);
    symlinkSync(join(PROJECT_ROOT, "node_modules"), join(this.folder, "node_modules"));
  }

  /** Runs `node bin/<entry>.mjs …` there. */
  async run(
    entry: "start" | "rollout" | "test" | "test-packages",
    args: string[],
    machine: Machine = {},
  ): Promise<Ended> {
    const { exitCode, stdout, stderr } = await execa(
      process.execPath,
      [join(this.folder, "bin", `${entry}.mjs`), ...args],
      { cwd: this.folder, extendEnv: false, env: this.#environment(machine), reject: false, stdin: "ignore" },
    );
    return { exitCode, stdout, stderr };
  }

  #environment({ programs = {}, packages = true, env = {} }: Machine): Record<string, string> {
    const path = mkdtempSync(join(this.folder, "path-"));
    symlinkSync(process.execPath, join(path, "node"));
    for (const [name, script] of Object.entries({ ...(packages ? PACKAGES : {}), ...programs })) {
      writeFileSync(join(path, name), `#!/bin/sh\n${script}\n`);
      chmodSync(join(path, name), 0o755);
    }
    return {
      PATH: path,
      HOME: join(this.folder, "user"),
      ROLLOUT_CACHE: this.cache,
      ROLLOUT_PULUMI_DOWNLOAD: NOBODY,
      npm_config_registry: NOBODY,
      ...env,
    };
  }

  /** Content of the checkout's own folder `.rollout`, true or false. */
  has(path: string): boolean {
    return existsSync(join(this.folder, path));
  }
}

const PACKAGES = Object.fromEntries(
  ["initdb", "pg_ctl", "postgres", "pg_dump", "pg_restore", "psql", "chromium", "zstd"].map((name) => [
    name,
    "exit 0",
  ]),
);

/** A Go that "builds" an engine: a script that tells its version. It counts its builds in the file `builds`. */
export function fakeGo(folder: string): string {
  return [
    'if [ "$1" = version ]; then echo "go version go1.26.0 linux/amd64"; exit; fi',
    `echo build >> "${folder}/builds"`,
    'while [ "$1" != -o ]; do shift; done',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own parameter expansion
    '/bin/mkdir -p "${2%/*}"',
    "printf '#!/bin/sh\\necho v3.255.0\\n' > \"$2\"",
    '/bin/chmod +x "$2"',
  ].join("\n");
}
