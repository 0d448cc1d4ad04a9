import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { childEnvironment, runProgram } from "../../processes/child-process.ts";

/** What squawk found in a statement. */
export interface LintWarning {
  rule: string;
  /** Counted from 1. */
  line: number;
  message: string;
  help: string | null;
}

/** The linter's answer, or why there is none: its binary exists for common platforms only. */
export type LintOutcome = { warnings: LintWarning[] } | { unavailable: string };

export interface LintOptions {
  /** True when a tool runs all of it in one transaction without saying so in the text. */
  inTransaction: boolean;
  /** Further rules to leave out. */
  except?: readonly string[];
  signal: AbortSignal;
}

const TIMEOUT_MS = 20_000;

/**
 * Rules of taste, and those that do not fit a rollout whose steps can be run again and whose waits `lock_timeout`
 * bounds. What is left speaks of locks, scans, rewrites and of clients that break.
 */
const LEFT_OUT = [
  ...["prefer-bigint-over-int", "prefer-bigint-over-smallint", "prefer-identity", "prefer-text-field"],
  ...["prefer-timestamp-tz", "prefer-robust-stmts", "require-statement-timeout"],
];

const Report = z.array(
  z.object({ rule_name: z.string(), line: z.int(), message: z.string(), help: z.string().nullable() }),
);

function findBinary(): string | undefined {
  try {
    const { getBinaryPath } = createRequire(import.meta.url)("squawk-cli/js/index.js") as {
      getBinaryPath(): string;
    };
    return getBinaryPath();
  } catch {
    // An optional package: npm leaves it out where the platform is another.
    return undefined;
  }
}

/** Lints SQL with squawk. Offline: the binary came with the npm packages. Never throws for what the SQL is. */
export async function lintSql(
  sql: string,
  { inTransaction, except = [], signal }: LintOptions,
): Promise<LintOutcome> {
  const binary = findBinary();
  if (!binary) return { unavailable: `no squawk for ${process.platform}-${process.arch} is installed` };
  // A folder of its own: no .squawk.toml of somebody else decides what is found.
  const folder = await mkdtemp(join(tmpdir(), "rollout-lint-"));
  try {
    const file = join(folder, "review.sql");
    await writeFile(file, sql, { mode: 0o600 });
    const mode = inTransaction ? ["--assume-in-transaction"] : [];
    const argv = [
      binary,
      "--reporter",
      "json",
      ...mode,
      "--exclude",
      [...LEFT_OUT, ...except].join(","),
      file,
    ];
    const environment = childEnvironment();
    const outcome = await runProgram(argv, { environment, timeoutMs: TIMEOUT_MS, signal, cwd: folder });
    signal.throwIfAborted();
    return readReport(outcome.stdout, outcome.failure ?? `exit code ${outcome.exitCode}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function readReport(text: string, end: string): LintOutcome {
  try {
    const warnings = Report.parse(JSON.parse(text)).map(({ rule_name: rule, line, message, help }) => ({
      ...{ rule, line: line + 1, message, help },
    }));
    return { warnings };
  } catch {
    return { unavailable: `squawk gave no report (${end})` };
  }
}
