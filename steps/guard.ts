import { BaseSpec, defineStep, MINUTE } from "./step.ts";

export const GuardSpec = BaseSpec;
export type GuardSpec = BaseSpec;

/**
 * First step of every phase. It does nothing itself; its undo runs last in its phase, and undoing any step first
 * unwinds what began after it (steps/run-step.ts): so nothing half-done outlives the phase.
 */
export const guard = defineStep({
  name: "guard",
  spec: GuardSpec,
  lease: false,
  deadlineSeconds: MINUTE,
  observe: async () => ({ drift: [], plan: [], undo: [], blockers: [] }),
  apply: async ({ identity }) => ({ opened: identity.phase }),
  undo: async ({ identity }) => ({ summary: `${identity.phase}: nothing of this phase is left`, kept: [] }),
});
