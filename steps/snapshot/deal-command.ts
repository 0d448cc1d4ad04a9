import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { childEnvironment, type ProgramOutcome, runProgram } from "../../processes/child-process.ts";
import { inheritedVariables } from "../../processes/inherited-variables.ts";
import type { RateLimit } from "../../processes/rate-limit.ts";
import type { Answered, AskerOptions, DealAsker } from "./deal-asker.ts";
import { compactJson, type DealLine, errorLine, parseLine } from "./snapshot-line.ts";

/** Deals of one run of the command. */
const BATCH = 500;

function readPrinted(text: string): DealLine | undefined {
  try {
    return parseLine(compactJson(text));
  } catch {
    return undefined;
  }
}

/** What the command printed, by key. A key that comes twice, or a line that is none, makes the batch unusable. */
function collectLines(stdout: string, keys: ReadonlySet<string>): Map<string, DealLine> | string {
  const lines = new Map<string, DealLine>();
  for (const text of stdout.split("\n").filter((line) => line.trim() !== "")) {
    const line = readPrinted(text);
    if (!line) return 'a line that is not {"key":…,"outputs":…}';
    if (!keys.has(line.key)) return "a key that was not asked for";
    if (lines.has(line.key)) return "a key twice";
    // What the command says of an error may be personal; that there is one is enough.
    lines.set(line.key, line.error ? errorLine(line.key, { request: "command", reason: "reported" }) : line);
  }
  return lines;
}

function describeOutcome({ failure, exitCode }: ProgramOutcome): string | undefined {
  if (failure) return failure;
  return exitCode === 0 ? undefined : `exit code ${exitCode}`;
}

/** Asks a configured command, a batch of keys a run. */
export function createCommandAsker(
  { outputs, signal }: AskerOptions,
  command: readonly string[],
  limit: RateLimit,
  http: DealAsker,
): DealAsker {
  const environment = { ...childEnvironment(), ...inheritedVariables(outputs.inherit) };

  async function run(keys: readonly string[]): Promise<ProgramOutcome> {
    const folder = await mkdtemp(join(tmpdir(), "rollout-deals-"));
    try {
      const file = join(folder, "keys");
      await writeFile(file, `${keys.join("\n")}\n`, { mode: 0o600 });
      const argv = command.map((part) => part.replaceAll("{keys}", file));
      const maxOutput = 64 * 1024 * 1024;
      return await runProgram(argv, {
        environment,
        timeoutMs: outputs.timeoutSeconds * 1000,
        signal,
        maxOutput,
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  return {
    batch: BATCH,
    async ask(keys) {
      await limit.take(keys.length);
      const outcome = await run(keys);
      signal.throwIfAborted();
      const fault = describeOutcome(outcome);
      const lines = fault ?? collectLines(outcome.stdout, new Set(keys));
      const failed = (key: string, reason: string, unavailable: boolean): Answered => ({
        line: errorLine(key, { request: "command", reason }),
        unavailable,
      });
      if (typeof lines === "string") return keys.map((key) => failed(key, lines, true));
      return keys.map((key) => {
        const line = lines.get(key);
        return line ? { line } : failed(key, "no output", false);
      });
    },
    readRelease: () => http.readRelease(),
    close: () => http.close(),
  };
}
