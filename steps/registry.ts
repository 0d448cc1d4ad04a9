import { StepError } from "../errors/step-error.ts";
import { isStep, type Step } from "./step.ts";

/**
 * The step of that kind. A process runs one step, so only its own file is loaded, whose basename is the kind: with all
 * of them each process would take twice the time to start. The tables of the phases say which kinds there are.
 * @throws {StepError} for a kind that this release does not have.
 */
export async function findStep(kind: string): Promise<Step> {
  return (await loadOwnFile(kind)) ?? findInTables(kind);
}

/** Undefined where no such file is there. The bundler takes in all files that fit the pattern. */
async function loadOwnFile(kind: string): Promise<Step | undefined> {
  // The entry of this process waits for what it asks for here.
  if (kind === "main" || !/^[a-z-]+$/.test(kind)) return undefined;
  try {
    const module: Record<string, unknown> = await import(`./${kind}.ts`);
    return Object.values(module).find((value): value is Step => isStep(value) && value.name === kind);
  } catch {
    // With a fault in the file itself the tables cannot be loaded either, and say so.
    return undefined;
  }
}

async function findInTables(kind: string): Promise<Step> {
  const { PHASES } = await import("../phases/index.ts");
  const steps = new Map(PHASES.flatMap(({ rows }) => rows.map(({ step }) => [step.name, step])));
  const step = steps.get(kind);
  if (step) return step;
  throw new StepError(`step: expected one of ${[...steps.keys()].join(", ")}, got ${JSON.stringify(kind)}.`);
}
