import type * as pulumi from "@pulumi/pulumi";
import { phaseNames } from "../../config/phase.ts";
import type { Backup } from "../backup.ts";
import { CodeDeployment } from "./code-deployment.ts";
import { DatabaseMigration } from "./database-migration.ts";
import { InterfaceRollout } from "./interface-rollout.ts";
import { PreFlight } from "./pre-flight.ts";
import type { PhaseArgs } from "./step-order.ts";
import { Validation } from "./validation.ts";

type Phase = new (
  name: string,
  args: PhaseArgs,
) => pulumi.ComponentResource & { readonly backup?: Backup | undefined };

/** The phases in order. */
const PHASES: Phase[] = [PreFlight, DatabaseMigration, CodeDeployment, InterfaceRollout, Validation];

/** What is declared. */
export interface Composition extends Pick<PhaseArgs, "secrets"> {
  /** The highest phase that is wanted. */
  phase: number;
  /** Specs of the steps of a phase, by name. */
  specsOf: (phase: number) => PhaseArgs["specs"];
}

/** Declares the wanted phases, each after the one before. @returns what the program tells of them. */
export function composePhases({ phase, specsOf, secrets }: Composition): {
  backup: pulumi.Output<string> | undefined;
} {
  const composed: InstanceType<Phase>[] = [];
  for (const [number, PhaseComponent] of PHASES.slice(0, phase + 1).entries()) {
    const phaseBefore = composed.at(-1);
    const args = { specs: specsOf(number), secrets, ...(phaseBefore ? { phaseBefore } : {}) };
    composed.push(new PhaseComponent(phaseNames[number] as string, args));
  }
  return { backup: composed.findLast(({ backup }) => backup)?.backup?.path };
}
