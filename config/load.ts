import type { z } from "zod";
import { readSandbox } from "../sandbox/description.ts";
import { crossCheckLines, unbuiltLines } from "./cross-checks.ts";
import { describeExpected, readNotes } from "./expectation.ts";
import { ConfigError, type FaultContext, faultLine, issueLines, unknownKeyLine } from "./fault.ts";
import { readRawValue } from "./raw-value.ts";
import { type RolloutConfig, type Settings, stackSchema } from "./schema.ts";
import { readTarget, type SandboxTarget } from "./target-values.ts";

export { ConfigError } from "./fault.ts";

/** Top-level keys that have to be kept as secrets. */
const SECRET_KEYS = ["databaseUrl", "smtpPassword"] as const;

/** A stack's configuration as Pulumi hands it over. */
export interface ConfigSource {
  /** Top-level keys without the project's name → text (JSON for objects and lists), or parsed values. */
  values: Record<string, unknown>;
  /** Keys that Pulumi keeps as secrets: their values are in no message. Where they are told, each of `SECRET_KEYS` has to be one. */
  secrets?: Iterable<string>;
  stack: string;
  /** Name of the stack's file for messages; `Pulumi.<stack>.yaml` by default. */
  file?: string;
  /** What the running sandbox says of itself, by default its description; asked for environment sandbox only. */
  sandbox?: () => SandboxTarget | undefined;
}

/** The configuration without its target: valid also when the sandbox is down. */
export interface LoadedSettings {
  settings: Settings;
  /** Set when the target could be told as well. */
  config: RolloutConfig | undefined;
  /** Why there is no `config`: complete lines. */
  targetFaults: string[];
}

/**
 * Parses and checks the whole configuration.
 * @throws {ConfigError} with every fault at once: key, value (never a secret's), what was expected, file, remedy.
 */
export function loadConfig(source: ConfigSource): RolloutConfig {
  const { config, faults, targetFaults } = readSettings(source);
  if (faults.length + targetFaults.length > 0 || !config) throw new ConfigError([...faults, ...targetFaults]);
  return config;
}

/**
 * As `loadConfig`, but a target that is missing (sandbox down, no database URL) is told, not thrown.
 * @throws {ConfigError} for every other fault.
 */
export function loadSettings(source: ConfigSource): LoadedSettings {
  const { settings, config, faults, targetFaults } = readSettings(source);
  if (faults.length > 0) throw new ConfigError(faults);
  return { settings: settings as Settings, config, targetFaults };
}

/** What of a configuration could be told, and all that is wrong with it. */
export interface ReadSettings {
  /** Every key that is as it should be by itself. */
  settings: Partial<Settings>;
  /** Absent while anything is wrong. */
  config: RolloutConfig | undefined;
  /** Absent when it could not be told; there also when the rest is faulty. */
  target: Pick<RolloutConfig, "databaseUrl" | "hosts" | "app"> | undefined;
  /** Complete lines: of the configuration, and of its target. */
  faults: string[];
  targetFaults: string[];
}

/** Throws nothing: for who has to say what can be said. */
export function readSettings({
  values,
  secrets,
  stack,
  file = `Pulumi.${stack}.yaml`,
  sandbox = readSandbox,
}: ConfigSource): ReadSettings {
  const schema = stackSchema(stack);
  const context: FaultContext = {
    schema,
    stack,
    file,
    secretKeys: new Set([...(secrets ?? []), ...SECRET_KEYS]),
  };
  const given = new Set(Object.keys(values).filter((key) => values[key] !== undefined));
  const { settings, faults } = parseKeys(context, values, given);
  faults.push(...crossCheckLines(context, settings), ...unbuiltLines(context, settings));
  if (secrets) faults.push(...refusePlainText(context, given, new Set(secrets)));
  const targetFaults: string[] = [];
  const target = readTarget(context, settings, given, sandbox, targetFaults);
  const whole = faults.length + targetFaults.length === 0 && target;
  const config = whole ? { ...(settings as Settings), ...target, stack } : undefined;
  return { settings, config, target, faults, targetFaults };
}

/** A password in plain text would be in the stack file, and with it in version control. */
function refusePlainText(
  { file, stack }: FaultContext,
  given: ReadonlySet<string>,
  secrets: ReadonlySet<string>,
): string[] {
  return SECRET_KEYS.filter((key) => given.has(key) && !secrets.has(key)).map(
    (key) =>
      `config: expected ${key} to be kept as a secret, got plain text in ${file}. ` +
      `Change that password, then set it again, typed: pulumi config set --secret ${key} --stack ${stack}`,
  );
}

/** Parses key by key: a fault in one does not hide the faults of another. */
function parseKeys(context: FaultContext, values: Record<string, unknown>, given: Set<string>) {
  const shape = context.schema.shape as Record<string, z.ZodType>;
  const settings: Record<string, unknown> = {};
  const faults = [...given]
    .filter((key) => !Object.hasOwn(shape, key))
    .map((key) => unknownKeyLine(context, [key], Object.keys(shape)));
  for (const [key, schema] of Object.entries(shape)) {
    if (!given.has(key) && readNotes(schema).required) {
      faults.push(faultLine(context, [key], describeExpected(schema), undefined));
      continue;
    }
    const raw = readRawValue(schema, values[key]);
    const parsed = schema.safeParse(raw);
    if (parsed.success) settings[key] = parsed.data;
    else faults.push(...parsed.error.issues.flatMap((issue) => issueLines(context, key, raw, issue)));
  }
  return { settings: settings as Partial<Settings>, faults };
}
