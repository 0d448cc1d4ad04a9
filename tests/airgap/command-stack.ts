import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { planToolchain, prepareToolchain, toolchainEnvironment } from "../../bin/toolchain.mjs";
import { PROJECT_ROOT } from "../../sandbox/paths.ts";
import { temporaryFolder } from "../temporary-folder.ts";

/** Folder of another `command` plugin to run the table against, the official one say. */
export const OTHER_PLUGIN = process.env.ROLLOUT_TEST_COMMAND_PLUGIN;

/** Arguments of a Command, as JSON; see program.mjs for the marks `$secret`, `$stdout` and `$asset`. */
export type Args = Record<string, unknown>;
/** One Command of the program. `options` are Pulumi's resource options. */
export interface Declared {
  args: Args;
  options?: Record<string, unknown>;
}

/** What the state holds of one Command. */
export interface Stored {
  inputs: Record<string, unknown>;
  outputs: Record<string, unknown>;
}

/** One thing the engine reported while it worked. */
export interface EngineEvent {
  diagnosticEvent?: { urn?: string; message: string; severity: string; ephemeral?: boolean };
  resourcePreEvent?: {
    metadata: { urn: string; op: string; detailedDiff?: Record<string, { diffKind: string }> };
  };
}

/** How a `pulumi` command ended and what it said. */
export interface Finished {
  exitCode: number;
  output: string;
  events: EngineEvent[];
  /** Lines of the journal that the commands wrote to in this run: `$JOURNAL` in their environment. */
  journal: string[];
}

const PLUGIN_FOLDER = join("plugins", "resource-command-v1.2.1");

function environment(folder: string, more: Record<string, string | undefined>) {
  return {
    ...more,
    PULUMI_HOME: join(folder, "home"),
    PULUMI_BACKEND_URL: `file://${join(folder, "state")}`,
    PULUMI_CONFIG_PASSPHRASE: "conformance",
    PULUMI_STACK: "test",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    // Unlocks --event-log.
    PULUMI_DEBUG_COMMANDS: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    INHERITED: "from outside",
  };
}

function writeProject(folder: string): void {
  mkdirSync(join(folder, "state"));
  symlinkSync(join(PROJECT_ROOT, "node_modules"), join(folder, "node_modules"));
  cpSync(join(PROJECT_ROOT, "tests", "airgap", "program.mjs"), join(folder, "program.mjs"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", main: "program.mjs" }));
  const runtime = { name: "nodejs", options: { typescript: false } };
  writeFileSync(join(folder, "Pulumi.yaml"), JSON.stringify({ name: "conformance", runtime }));
}

/** A Pulumi project of its own, in a folder of its own, with the plugin under test and nothing else. */
export class CommandStack {
  readonly folder = temporaryFolder("command");
  readonly journalFile = join(this.folder, "journal");
  #env: Record<string, string | undefined> = {};

  /** Starts `pulumi`; for tests that have to do something while it runs. */
  start(args: string[]) {
    return execa("pulumi", [...args, "--non-interactive"], {
      cwd: this.folder,
      env: this.#env,
      all: true,
      reject: false,
      stdin: "ignore",
    });
  }

  async #pulumi(args: string[]): Promise<{ exitCode: number; output: string }> {
    const { exitCode, all } = await this.start(args);
    return { exitCode: exitCode ?? -1, output: all };
  }

  /** Sets up folder, plugin and stack; the built-in plugin is made anew when its sources have changed. */
  async initialize(): Promise<void> {
    await prepareToolchain({ plan: await planToolchain(), stack: "sandbox" });
    const { PATH, PULUMI_HOME = "" } = toolchainEnvironment({ stack: "sandbox" });
    this.#env = environment(this.folder, { PATH, JOURNAL: this.journalFile });
    const plugin = OTHER_PLUGIN ?? join(PULUMI_HOME, PLUGIN_FOLDER);
    cpSync(plugin, join(this.folder, "home", PLUGIN_FOLDER), { recursive: true });
    writeProject(this.folder);
    const { exitCode, output } = await this.#pulumi(["stack", "init", "test"]);
    if (exitCode !== 0) throw new Error(output);
  }

  /** Writes the program: these Commands, and nothing else. */
  declare(commands: Record<string, Declared | Args>): void {
    const entries = Object.entries(commands).map(([name, command]) =>
      "args" in command ? { name, ...command } : { name, args: command },
    );
    writeFileSync(join(this.folder, "commands.json"), JSON.stringify(entries));
  }

  /** Runs `up`, `preview` or `destroy` over what was declared last. */
  async run(verb: "up" | "preview" | "destroy" | "refresh", ...more: string[]): Promise<Finished> {
    const eventLog = join(this.folder, "events");
    for (const file of [eventLog, this.journalFile]) rmSync(file, { force: true });
    const yes = verb === "preview" ? [] : ["--yes", "--skip-preview"];
    const result = await this.#pulumi([verb, ...yes, "--event-log", eventLog, ...more]);
    return { ...result, events: this.#events(eventLog), journal: this.journal() };
  }

  #events(file: string): EngineEvent[] {
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, "utf8").trim().split("\n");
    return lines.map((line) => JSON.parse(line) as EngineEvent);
  }

  /** What commands have written to `$JOURNAL` since the last run began. */
  journal(): string[] {
    return existsSync(this.journalFile) ? readFileSync(this.journalFile, "utf8").trim().split("\n") : [];
  }

  /** The state file as it lies on disk. */
  rawState(): string {
    const file = join(this.folder, "state", ".pulumi", "stacks", "conformance", "test.json");
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  /** What the state holds of each Command; secrets stay encrypted. */
  stored(): Record<string, Stored> {
    const { checkpoint } = JSON.parse(this.rawState()) as {
      checkpoint: { latest: { resources?: (Stored & { urn: string; type: string })[] } };
    };
    const commands = (checkpoint.latest.resources ?? []).filter(
      ({ type }) => type === "command:local:Command",
    );
    return Object.fromEntries(commands.map((resource) => [resource.urn.split("::").at(-1), resource]));
  }

  /** Outputs of one Command. */
  outputs<T = Record<string, unknown>>(name: string): T {
    const stored = this.stored()[name];
    if (!stored) throw new Error(`no Command ${name} in the state`);
    return stored.outputs as T;
  }
}

/** Lines that were logged beside a Command. */
export function loggedLines({ events }: Finished, name: string): string[] {
  return events
    .flatMap(({ diagnosticEvent }) => (diagnosticEvent?.urn?.endsWith(`::${name}`) ? [diagnosticEvent] : []))
    .filter(({ severity }) => severity.startsWith("info"))
    .map(({ message }) => message.replace(/<\{%.*?%\}>/g, "").replace(/\n$/, ""));
}

/** What the engine decided to do with a Command. */
export function operations({ events }: Finished, name: string): string[] {
  return events
    .flatMap(({ resourcePreEvent }) => (resourcePreEvent ? [resourcePreEvent.metadata] : []))
    .filter(({ urn }) => urn.endsWith(`::${name}`))
    .map(({ op }) => op);
}

/** Path → kind of each changed property of a Command. */
export function detailedDiff({ events }: Finished, name: string): Record<string, string> {
  const found = events.find(
    ({ resourcePreEvent }) =>
      resourcePreEvent?.metadata.urn.endsWith(`::${name}`) && resourcePreEvent.metadata.detailedDiff,
  );
  const diff = found?.resourcePreEvent?.metadata.detailedDiff ?? {};
  return Object.fromEntries(Object.entries(diff).map(([path, { diffKind }]) => [path, diffKind]));
}
