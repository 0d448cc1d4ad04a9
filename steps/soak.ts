import { z } from "zod";
import { entryKey } from "../ledger/entries.ts";
import { showDuration } from "../system/duration.ts";
import { Basis, isSameBasis } from "./restart/basis.ts";
import { BaseSpec, type Observation, type Step, type StepDeps } from "./step.ts";

export const SoakSpec = BaseSpec.extend({
  /** Seconds that have to pass. */
  seconds: z.int().min(0),
  basis: Basis,
});
export type SoakSpec = z.infer<typeof SoakSpec>;

export interface SoakResult {
  /** When this release with this flag began to run for good; UTC, ISO 8601. */
  startedAt: string;
  basis: Basis;
  /** What the gate says where nobody looks again. */
  gate: string[];
}

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
  if (entry?.state !== "done") return quiet;
  const { startedAt } = entry.result as unknown as SoakResult;
  return { ...quiet, gate: soakGate(spec, startedAt, deps.now()) };
}

async function apply(spec: SoakSpec, deps: StepDeps): Promise<SoakResult> {
  const before = deps.evidence.entries().get(entryKey(spec.identity))?.result as SoakResult | undefined;
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
export const soak: Step<SoakSpec, SoakResult> = {
  name: "soak",
  spec: SoakSpec,
  lease: false,
  observe,
  apply,
  async undo() {
    return { summary: "nothing to undo: it only recorded a start", kept: [] };
  },
};
