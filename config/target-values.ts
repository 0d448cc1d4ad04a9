import { type FaultContext, faultLine } from "./fault.ts";
import type { RolloutConfig, Settings } from "./schema.ts";
import type { Host } from "./target.ts";

/** What the running sandbox says of itself (sandbox/description.ts). */
export interface SandboxTarget {
  database: string;
  app: string;
  hosts: Host[];
}

type Target = Pick<RolloutConfig, "databaseUrl" | "hosts" | "app">;

/** The target of the stack: from the config, or from the running sandbox. Faults go to `lines`. */
export function readTarget(
  context: FaultContext,
  settings: Partial<Settings>,
  given: ReadonlySet<string>,
  sandbox: () => SandboxTarget | undefined,
  lines: string[],
): Target | undefined {
  if (settings.environment === undefined) return undefined;
  return settings.environment === "sandbox"
    ? readSandboxTarget(context, given, sandbox, lines)
    : readRealTarget(context, settings, given, lines);
}

function readSandboxTarget(
  { file, stack }: FaultContext,
  given: ReadonlySet<string>,
  sandbox: () => SandboxTarget | undefined,
  lines: string[],
): Target | undefined {
  for (const key of ["databaseUrl", "hosts", "app"].filter((name) => given.has(name))) {
    lines.push(
      `config: expected no ${key} for environment sandbox in ${file}, which brings its own, got one. ` +
        `Remove it: pulumi config rm ${key} --stack ${stack}`,
    );
  }
  const target = sandbox();
  if (!target) {
    lines.push(
      "config: expected a running sandbox for environment sandbox, got no description in .sandbox/sandbox.json. " +
        "Start it: npx rollout sandbox up",
    );
    return undefined;
  }
  // With ROLLOUT_SANDBOX_DATABASE_URL too: that names the server, the description the sandbox's database on it.
  return { databaseUrl: target.database, hosts: target.hosts, app: { url: target.app } };
}

function readRealTarget(
  context: FaultContext,
  { databaseUrl, hosts, app }: Partial<Settings>,
  given: ReadonlySet<string>,
  lines: string[],
): Target | undefined {
  const missing = (key: string, expected: string) => {
    if (!given.has(key)) lines.push(faultLine(context, [key], expected, undefined));
  };
  missing("databaseUrl", "the secret connection string of the target database");
  missing("hosts", "a list with at least one entry");
  missing("app", "an object");
  if (hosts?.length === 0) lines.push(faultLine(context, ["hosts"], "a list with at least one entry", []));
  return databaseUrl && hosts && app ? { databaseUrl, hosts, app } : undefined;
}
