import { z } from "zod";
import { Dependency } from "../config/dependency.ts";
import { StepError } from "../errors/step-error.ts";
import { entryKey, isDoneWith } from "../ledger/entries.ts";
import { Change } from "../postgres/migration/change.ts";
import { findClientProgram, installRemedy, isOlderThanServer } from "../postgres/program-version.ts";
import { findProgram } from "../postgres/programs.ts";
import { type CheckItem, describeFailure, renderItems } from "./environment/check-item.ts";
import { checkDatabase, type DatabaseCheck } from "./environment/environment-database.ts";
import { BaseSpec, defineStep, MINUTE, type StepDeps } from "./step.ts";

export const EnvironmentCheckSpec = BaseSpec.extend({
  change: Change,
  /** What has to be installed on this machine, beside Node and pg_dump. */
  dependencies: z.array(Dependency).max(100).default([]),
  /** Name of the database, when a second pair of eyes on databaseUrl is wanted. */
  database: z.string().min(1).optional(),
});
export type EnvironmentCheckSpec = z.infer<typeof EnvironmentCheckSpec>;

export interface EnvironmentCheckResult {
  /** Things looked at, and how many of them were warnings. */
  checked: number;
  warnings: number;
  /** Paths in the evidence folder. */
  report: { text: string; json: string };
}

async function checkDumpProgram(server: number | undefined, find: typeof findProgram): Promise<CheckItem> {
  const name = "pg_dump";
  try {
    const program = await findClientProgram(name, find);
    const found = `${program.version} (${program.path})`;
    if (server === undefined) return { name, status: "info", found: `${found}, server's version unknown` };
    if (!isOlderThanServer(program, server)) return { name, status: "ok", found };
    const expected = `${Math.floor(server / 10_000)} or newer, as the server`;
    return { name, status: "failed", found, expected, remedy: installRemedy(server) };
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    const remedy = server === undefined ? "Install PostgreSQL's client programs." : installRemedy(server);
    return { name, status: "failed", found: "none", expected: "it to be installed", remedy };
  }
}

async function askDatabase(spec: EnvironmentCheckSpec, deps: StepDeps): Promise<DatabaseCheck> {
  const name = "database connection";
  try {
    const client = await deps.connect();
    try {
      const answer = await checkDatabase(client, spec, deps.now);
      return { ...answer, items: [{ name, status: "ok", found: "established" }, ...answer.items] };
    } finally {
      await client.end();
    }
  } catch (error) {
    const found = (error instanceof Error ? error.message : String(error)).replace(/\.$/, "");
    const expected = "answers to read-only questions";
    // A StepError says its own remedy.
    const remedy = "Is the server running and databaseUrl right (host, port, role, password)?";
    const own = error instanceof StepError ? {} : { remedy };
    return { items: [{ name, status: "failed", found, expected, ...own }] };
  }
}

async function collect(
  spec: EnvironmentCheckSpec,
  deps: StepDeps,
  find: typeof findProgram,
): Promise<CheckItem[]> {
  // Loaded by who compares versions: once the check is done, a preview need not wait for it.
  const { checkDependency, checkNode } = await import("./environment/dependency-version.ts");
  const dependencies = async () => {
    const items: CheckItem[] = [];
    for (const dependency of spec.dependencies) items.push(await checkDependency(dependency, deps.signal));
    return items;
  };
  const [database, installed] = await Promise.all([askDatabase(spec, deps), dependencies()]);
  deps.signal.throwIfAborted();
  const dump = await checkDumpProgram(database.serverVersionNumber, find);
  return [checkNode(), ...installed, dump, ...database.items];
}

/** What the next steps see before they start as well: one fault is told once. */
const TOLD_BY_OTHERS = ["database connection", "table", "column", "pg_dump", "backup rights"];

function blockersOf(items: CheckItem[]): string[] {
  return items
    .filter(({ name, status }) => status === "failed" && !TOLD_BY_OTHERS.includes(name))
    .map(describeFailure);
}

async function saveReport(items: CheckItem[], deps: StepDeps): Promise<EnvironmentCheckResult["report"]> {
  const takenAt = deps.now().toISOString();
  const lines = [`Environment check, ${takenAt}`, "", ...renderItems(items), ""];
  return {
    text: await deps.saveArtifact("environment-check.txt", lines.join("\n")),
    json: await deps.saveArtifact(
      "environment-check.json",
      `${JSON.stringify({ version: 1, takenAt, items }, null, 2)}\n`,
    ),
  };
}

function refuse(failed: CheckItem[], report: string): never {
  const lines = failed.map((entry) => `  - ${describeFailure(entry)}`);
  throw new StepError(
    `environment-check: expected everything the rollout needs to be in order, got ${failed.length} ` +
      `${failed.length === 1 ? "thing" : "things"} to mend (report: ${report}):\n${lines.join("\n")}`,
  );
}

/** Builds the step around the search for PostgreSQL's programs; the real one is below. */
export function createEnvironmentCheck(find: typeof findProgram = findProgram) {
  return defineStep({
    name: "environment-check",
    spec: EnvironmentCheckSpec,
    lease: false,
    deadlineSeconds: 5 * MINUTE,
    async observe(spec, deps) {
      const names = [
        "Node",
        ...spec.dependencies.map(({ name }) => name),
        "pg_dump",
        "database, rights, clock",
      ];
      const plan = [`check ${names.join(", ")} (read-only)`];
      // A finding of its day: it never drifts, and once done it is not taken anew at every preview.
      const done = isDoneWith(deps.evidence.entries().get(entryKey(spec.identity)), spec);
      const blockers = done ? [] : blockersOf(await collect(spec, deps, find));
      return { drift: [], plan, undo: [], blockers };
    },
    async apply(spec, deps) {
      const items = await collect(spec, deps, find);
      for (const line of renderItems(items)) deps.log(line);
      const report = await saveReport(items, deps);
      const failed = items.filter(({ status }) => status === "failed");
      if (failed.length > 0) refuse(failed, report.text);
      const warnings = items.filter(({ status }) => status === "warning").length;
      return { checked: items.length, warnings, report };
    },
    async undo() {
      return { summary: "nothing to undo: the check only reads", kept: [] };
    },
  });
}

/**
 * Everything the rollout needs, looked at by name and version before anything is touched. Read-only: the runbook's
 * `init_db()` may create tables, this never does. All findings are reported at once, each with its remedy.
 * @see runbook 0.1
 */
export const environmentCheck = createEnvironmentCheck();
