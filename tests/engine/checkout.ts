import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { execa } from "execa";
import pg from "pg";
import { PROJECT_ROOT } from "../../sandbox/paths.ts";
import { removeFiles } from "../sandbox/checkout.ts";
import { temporaryFolder } from "../temporary-folder.ts";

/** What a command of a checkout printed, both streams in the order they came. */
export interface Outcome {
  exitCode: number;
  output: string;
}

/** A command of a checkout that still runs. */
export type Running = ReturnType<typeof startRollout>;

function startRollout(folder: string, env: Record<string, string>, args: string[]) {
  const script = join(folder, "bin/rollout.mjs");
  return execa(process.execPath, [script, ...args], {
    cwd: folder,
    env,
    all: true,
    reject: false,
    stdin: "ignore",
  });
}

/** Takes back what use leaves in a stack's file: the phase that it went to, the flag, and Pulumi's salt. */
function asCloned(stackFile: string): void {
  const text = readFileSync(stackFile, "utf8");
  const cloned = text
    .replace(/(:phase: ).*/, '$1"0"')
    .replace(/(:flag: ).*/, '$1"true"')
    .replace(/^encryptionsalt: .*\n/m, "");
  writeFileSync(stackFile, cloned);
}

/** Everything that git tracks or would track, as it is in the working tree: what a clone of the next commit holds. */
async function copyTree(folder: string): Promise<void> {
  const { stdout } = await execa("git", ["ls-files", "-z", "-co", "--exclude-standard"], {
    cwd: PROJECT_ROOT,
  });
  for (const name of stdout.split("\0").filter(Boolean)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    // A lock file younger than node_modules would have every checkout's dependencies installed anew.
    cpSync(join(PROJECT_ROOT, name), join(folder, name), { preserveTimestamps: true });
  }
  asCloned(join(folder, "Pulumi.sandbox.yaml"));
  // Hard links, not a symbolic one: `npm ci` in the checkout would empty what it points at.
  await execa("cp", ["-al", join(PROJECT_ROOT, "node_modules"), join(folder, "node_modules")]);
}

/** A checkout of its own with its own sandbox, state and evidence, driven as a user drives it. */
export class Checkout {
  readonly folder: string;
  /** Added to the environment of every command. */
  environment: Record<string, string> = {};

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<Checkout> {
    const folder = temporaryFolder("checkout");
    await copyTree(folder);
    return new Checkout(folder);
  }

  /** Starts `npx rollout …` and lets it run: for tests that kill it. */
  start(...args: string[]): Running {
    return startRollout(this.folder, this.environment, args);
  }

  /** Runs `npx rollout …` to its end. */
  async try(...args: string[]): Promise<Outcome> {
    const { exitCode, all } = await this.start(...args);
    return { exitCode: exitCode ?? -1, output: all };
  }

  /** Runs `npx rollout …`, which has to succeed. */
  async rollout(...args: string[]): Promise<string> {
    const { exitCode, output } = await this.try(...args);
    if (exitCode !== 0) throw new Error(`rollout ${args.join(" ")}: exit code ${exitCode}\n${output}`);
    return output;
  }

  /** Brings the stack to its config, without the preview that `up` shows first: that would look at everything twice. */
  up(): Promise<string> {
    return this.rollout("up", "--yes", "--skip-preview");
  }

  /** Sets the phase in the config and brings the stack there. */
  async toPhase(phase: number): Promise<string> {
    await this.rollout("config", "set", "phase", String(phase));
    return this.up();
  }

  /** Runs a line of shell in which `eval "$(npx rollout env)"` has been done. */
  async shell(line: string): Promise<Outcome> {
    const script = `eval "$(node bin/rollout.mjs env)" && ${line}`;
    const { exitCode, all } = await execa("bash", ["-c", script], {
      cwd: this.folder,
      env: this.environment,
      all: true,
      reject: false,
      stdin: "ignore",
    });
    return { exitCode: exitCode ?? -1, output: all };
  }

  async sandboxUrl(): Promise<{ database: string; app: string }> {
    const { stdout } = await execa(process.execPath, ["bin/rollout.mjs", "sandbox", "url", "--json"], {
      cwd: this.folder,
    });
    return JSON.parse(stdout) as { database: string; app: string };
  }

  async status<T = Record<string, unknown>>(): Promise<T> {
    const { stdout } = await execa(process.execPath, ["bin/rollout.mjs", "status", "--json"], {
      cwd: this.folder,
    });
    return JSON.parse(stdout) as T;
  }

  /** A connection to the sandbox's database as the tables' owner; the caller ends it. */
  async connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: (await this.sandboxUrl()).database });
    await client.connect();
    return client;
  }

  /** Ends the sandbox and removes everything. */
  async dispose(): Promise<void> {
    await this.try("sandbox", "down");
    removeFiles(this.folder);
  }
}
