import type * as pulumi from "@pulumi/pulumi";
import type { BaseSpec } from "../../steps/step.ts";
import type { StepArgs } from "../step-command.ts";

/** What a phase component is given. */
export interface PhaseArgs {
  /** Specs of the phase's steps by name, each with its generation. A step without one is not declared. */
  specs: Record<string, BaseSpec>;
  /** Environment of the steps' processes, kept encrypted in state. */
  secrets: Record<string, pulumi.Output<string>>;
  /** The phase before; none for phase 0. */
  phaseBefore?: pulumi.Resource;
}

/** A step component: what `stepOrder` makes one of. */
type StepComponent<Spec extends BaseSpec, Component> = new (
  name: string,
  args: StepArgs<Spec>,
  opts: pulumi.ComponentResourceOptions,
) => Component;

/**
 * Declares the steps of a phase one after the other: each depends on the step before and on the phase before.
 * Chaining the phase components alone is not enough: their children would interleave on delete.
 */
export function stepOrder(phase: pulumi.ComponentResource, name: string, args: PhaseArgs) {
  const earlier = args.phaseBefore ? [args.phaseBefore] : [];
  let previous: pulumi.Resource[] = [];
  return <Spec extends BaseSpec, Component extends pulumi.Resource>(
    step: string,
    Component: StepComponent<Spec, Component>,
  ): Component | undefined => {
    const spec = args.specs[step] as Spec | undefined;
    // On the way back a step that was never done is left out: nothing new is begun there.
    if (!spec) return undefined;
    const after = [...previous, ...earlier];
    const component = new Component(
      `${name}-${step}`,
      { spec, secrets: args.secrets, after },
      { parent: phase },
    );
    previous = [component];
    return component;
  };
}
