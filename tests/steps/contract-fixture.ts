import { constraint } from "../../steps/constraint.ts";
import { type ContractSpec, contract } from "../../steps/contract.ts";
import { expand } from "../../steps/expand.ts";
import { migration } from "../../steps/migration.ts";
import type { Step } from "../../steps/step.ts";
import type { RolloutTarget } from "./rollout-target.ts";

/** The steps that change the table, those of phase 1 first, as one list of one spec: each reads what is its own. */
export const TABLE_STEPS = [expand, migration, constraint, contract] as unknown as Step<ContractSpec>[];

/** The spec of all of them; old-style writes need not be over unless a test says so. */
export function contractSpec(
  target: RolloutTarget,
  { quietSeconds = 0, ...migration }: { quietSeconds?: number } & Partial<ContractSpec["migration"]> = {},
): ContractSpec {
  return { ...target.spec({}, migration), quietSeconds };
}

/** Phase 1 as it is done before phase 4 begins. */
export async function migrate(target: RolloutTarget, spec = contractSpec(target)): Promise<void> {
  for (const step of TABLE_STEPS.slice(0, -1)) await target.apply(step, spec);
}

/** All of them taken back, newest first. */
export async function undoAll(target: RolloutTarget, spec = contractSpec(target)): Promise<void> {
  for (const step of TABLE_STEPS.toReversed()) await target.undo(step, spec);
}
