import { z } from "zod";
import { entryKey } from "../ledger/entries.ts";
import { showDuration } from "../system/duration.ts";
import { resultOf } from "./recorded.ts";
import { Basis, isSameBasis } from "./restart/basis.ts";
import { BaseSpec, defineStep, MINUTE, type Observation, type StepDeps } from "./step.ts";

export const SoakSpec = BaseSpec.extend({
  /** Seconds that have to pass. */
  seconds: z.int().min(0),
  basis: Basis,
});
export type SoakSpec = z.infer<typeof SoakSpec>;

const SoakResult = z.object({
  /** When this release with this flag began to run for good; UTC, ISO 8601. */
  startedAt: z.string(),
  basis: Basis,
  /** What the gate says where nobody looks again. */
  gate: z.array(z.string()),
});
export type SoakResult = z.infer<typeof SoakResult>;

const endOf = ({ seconds }: Pick<SoakSpec, "seconds">, startedAt: string) =>
  new Date(Date.parse(startedAt) + seconds * 1000).toISOString();

/** Why the gate is still shut. A clock that went back counts as no time at all. Pure. */
function soakGate(spec: Pick<SoakSpec, "seconds">, startedAt: string, now: Date): string[] {
  const { seconds } = spec;
  const got = (now.getTime() - Date.parse(startedAt)) / 1000;
  if (got >= seconds) return [];
  return [
    `expected ${showDuration(seconds)} of soak since ${startedAt}, got ${showDuration(got)}. ` +
      `It is over at ${endOf(spec, startedAt)}.`,
  ];
}

async function observe(spec: SoakSpec, deps: StepDeps): Promise<Observation> {
  const plan = [`begins a soak of ${showDuration(spec.seconds)}: the next phase waits for its end`];
  const quiet = { drift: [], plan, undo: [], blockers: [] };
  const entry = deps.evidence.entries().get(entryKey(spec.identity));
  const result = entry?.state === "done" ? resultOf(soak, entry) : undefined;
  return result ? { ...quiet, gate: soakGate(spec, result.startedAt, deps.now()) } : quiet;
}

async function apply(spec: SoakSpec, deps: StepDeps): Promise<SoakResult> {
  const before = resultOf(soak, deps.evidence.entries().get(entryKey(spec.identity)));
  // Another length is no new beginning; another release or flag is.
  const startedAt =
    before && isSameBasis(before.basis, spec.basis) ? before.startedAt : deps.now().toISOString();
  const gate = soakGate(spec, startedAt, deps.now());
  const over = gate.length > 0 ? `over at ${endOf(spec, startedAt)}` : "over";
  deps.log(`soak: ${showDuration(spec.seconds)} since ${startedAt}, ${over}`);
  return { startedAt, basis: spec.basis, gate };
}

/**
 * The time for which a release has to run before the next phase may begin. Records its start and returns: the gate
 * knows what time it is.
 * @see runbook 2.6
 */
export const soak = defineStep({
  name: "soak",
  spec: SoakSpec,
  result: SoakResult,
  lease: false,
  deadlineSeconds: MINUTE,
  observe,
  apply,
  async undo() {
    return { summary: "nothing to undo: it only recorded a start", kept: [] };
  },
});
