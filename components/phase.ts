import * as pulumi from "@pulumi/pulumi";
import type { PhaseTable } from "../phases/table.ts";
import type { BaseSpec } from "../steps/step.ts";
import { type Secrets, StepCommand } from "./step-command.ts";

/** What a phase is given. */
export interface PhaseArgs {
  /**
   * Specs of its steps by name, each with its generation. A step without one is not declared: on the way back nothing
   * is begun that was never done.
   */
  specs: Record<string, BaseSpec>;
  secrets: Secrets;
  /** The phase before; none for phase 0. */
  phaseBefore?: pulumi.Resource;
}

/** `code-deployment` → `CodeDeployment` */
const pascalCase = (name: string) => name.replace(/(?:^|-)[a-z]/g, (start) => start.slice(-1).toUpperCase());

/**
 * A phase of the rollout: the Commands of its table, in order. Each depends on the step before and on the phase before;
 * with the phases chained alone their steps would interleave on delete.
 */
export class Phase extends pulumi.ComponentResource {
  readonly commands: readonly StepCommand[];

  constructor(
    { name, rows }: PhaseTable,
    { specs, secrets, phaseBefore }: PhaseArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super(`deal-type:phases:${pascalCase(name)}`, name, {}, opts);
    const commands: StepCommand[] = [];
    for (const row of rows) {
      const spec = specs[row.name];
      if (!spec) continue;
      const dependsOn = [commands.at(-1), phaseBefore].filter((each) => each !== undefined);
      const options = { parent: this, dependsOn };
      commands.push(new StepCommand(`${name}-${row.name}`, { step: row.step, spec, secrets }, options));
    }
    this.commands = commands;
    this.registerOutputs({});
  }
}

/** What is declared. */
export interface Composition extends Pick<PhaseArgs, "secrets"> {
  /** Tables of the wanted phases, in order. */
  tables: readonly PhaseTable[];
  /** Specs of the steps of a phase, by name. */
  specsOf: (phase: PhaseTable) => PhaseArgs["specs"];
}

/** Declares the phases, each after the one before. @returns the Commands of all their steps, in order. */
export function composePhases({ tables, specsOf, secrets }: Composition): StepCommand[] {
  const phases: Phase[] = [];
  for (const table of tables) {
    const phaseBefore = phases.at(-1);
    phases.push(
      new Phase(table, { specs: specsOf(table), secrets, ...(phaseBefore ? { phaseBefore } : {}) }),
    );
  }
  return phases.flatMap(({ commands }) => commands);
}
