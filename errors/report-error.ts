import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { describeError, renderError } from "./describe-error.ts";
import { inSources } from "./source-lines.ts";
import { StepError } from "./step-error.ts";

/** Where stacks lie, below the project's root, which every command runs in. */
const FOLDER = join(".rollout", "errors");
/** So many stay: the newest. */
const KEPT = 50;

/** Frames alone: a message may quote a row or a secret, where it was thrown never does. */
function stackOf(error: unknown): string {
  const parts: string[] = [];
  for (let each = error; each instanceof Error && parts.length < 10; each = each.cause) {
    const { code } = each as { code?: unknown };
    const frames = inSources((each.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line)));
    parts.push([`${each.name}${typeof code === "string" ? ` ${code}` : ""}`, ...frames].join("\n"));
  }
  return parts.length > 0
    ? `${parts.join("\ncaused by ")}\n`
    : `a value of type ${typeof error} was thrown\n`;
}

function removeOld(folder: string): void {
  for (const name of readdirSync(folder).sort().slice(0, -KEPT)) rmSync(join(folder, name), { force: true });
}

/** @returns where the stack lies, in words. Never throws: the error itself is what a person has to see. */
function saveStack(error: unknown, folder: string): string {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const name = `${new Date().toISOString().replaceAll(/[:.]/g, "-")}-${randomBytes(3).toString("hex")}.txt`;
    const path = join(folder, name);
    writeFileSync(path, stackOf(error), { mode: 0o600, flag: "wx" });
    removeOld(folder);
    return `Its stack: ${relative(process.cwd(), path) || path}`;
  } catch (failed) {
    return `Its stack could not be kept (${(failed as NodeJS.ErrnoException).code ?? "no reason"}).`;
  }
}

/** An error as the evidence and other steps may keep it: in one line, without a stack. */
export function tellError(error: unknown, step?: string): string {
  return error instanceof StepError ? error.message : renderError(describeError(error, { step }));
}

/** An error as a person reads it at the end of a command. The stack of one that nobody foresaw goes to a file. */
export function reportError(
  error: unknown,
  { step, folder = resolve(FOLDER) }: { step?: string; folder?: string } = {},
): string {
  if (error instanceof StepError) return error.message;
  return `${tellError(error, step)}\n${saveStack(error, folder)}`;
}
