import { z } from "zod";
import { StepError } from "../errors/step-error.ts";
import { BaseSpec, type Step } from "./step.ts";

/** A step of whose recorded result something is read again. */
export type RecordingStep<Recorded extends object> = Pick<
  Step<BaseSpec, Recorded, unknown, Recorded>,
  "result"
>;

/**
 * What is read again of a step's recorded result; undefined where none is recorded. A result that another release
 * wrote in a shape that cannot be read counts as none: the way back must not stop at it.
 */
export function resultOf<Recorded extends object>(
  { result }: RecordingStep<Recorded>,
  entry: { result?: Record<string, unknown> | undefined } | undefined,
): Recorded | undefined {
  return entry?.result ? result?.safeParse(entry.result).data : undefined;
}

const OpenPoints = z.object({
  gate: z.array(z.string()).default([]),
  unfinished: z.array(z.string()).default([]),
});

/**
 * What any step's result may leave open: reasons for which the gate of its phase is shut, and parts that it has to run
 * again for, as a host that could not be reached.
 */
export const openPoints = (entry: { result?: Record<string, unknown> } | undefined) =>
  OpenPoints.parse(entry?.result ?? {});

const AnySpec = BaseSpec.loose();

const isSpec = (spec: unknown): spec is BaseSpec => AnySpec.safeParse(spec).success;

/** A spec just as it is recorded, with fields of other releases. @throws {StepError} for what is no spec. */
export function asRecorded(spec: Record<string, unknown>): BaseSpec {
  if (isSpec(spec)) return spec;
  throw new StepError("evidence: expected the spec of a step, got something else. Run `npx rollout verify`.");
}
