import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { MAIL_STEPS, MAIL_VARIABLE } from "../mail/secrets.ts";
import type { BaseSpec } from "../steps/step.ts";

/** What every step component is given. */
export interface StepArgs<Spec extends BaseSpec = BaseSpec> {
  /** What the step is to do. Holds no secret: it is plain text in Pulumi's state and in the evidence. */
  spec: Spec;
  /** Environment of the step's process; every value is kept encrypted in state. */
  secrets: Record<string, pulumi.Output<string>>;
  /** The step before and the phase before. Both, on every step: else deletes of two phases interleave. */
  after: pulumi.Resource[];
}

/**
 * The one Command of a step component: `create` and `update` apply, `delete` undoes.
 *
 * The command's text holds nothing but the step's kind, since state keeps it, other clones run it and errors print
 * it. There are no `triggers`: they replace, and the old resource's delete would undo the new work.
 */
export function stepCommand(
  name: string,
  kind: string,
  args: StepArgs,
  parent: pulumi.ComponentResource,
): local.Command {
  const apply = `node bin/step.mjs ${kind} apply`;
  return new local.Command(
    `${name}-command`,
    {
      create: apply,
      update: apply,
      delete: `node bin/step.mjs ${kind} undo`,
      stdin: JSON.stringify(args.spec),
      environment: secretsFor(kind, args.secrets),
      logging: "stderr",
      addPreviousOutputInEnv: false,
    },
    { parent, dependsOn: args.after },
  );
}

/** The mail's password and its readers' addresses are nobody's but those who send: a rotation updates just them. */
function secretsFor(kind: string, secrets: StepArgs["secrets"]): StepArgs["secrets"] {
  const { [MAIL_VARIABLE]: mail, ...rest } = secrets;
  return mail && MAIL_STEPS.includes(kind) ? secrets : rest;
}

/** A field of the step's result, e.g. `resultField<string>(command, "sha256")`; undefined where a step has none. */
export function resultField<T>(command: local.Command, field: string): pulumi.Output<T> {
  return pulumi.output(command.stdout).apply((line) => {
    // Unknown in preview, empty when the engine had to read back a resource that never ran.
    return (line ? (JSON.parse(line) as Record<string, T>)[field] : undefined) as T;
  });
}
