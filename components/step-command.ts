import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { MAIL_VARIABLE } from "../mail/secrets.ts";
import { type RecordingStep, resultOf } from "../steps/recorded.ts";
import type { BaseSpec, Step } from "../steps/step.ts";

/** Environment of the steps' processes; every value is kept encrypted in state. */
export type Secrets = Record<string, pulumi.Output<string>>;

/** What a step's Command is given. */
export interface StepCommandArgs {
  step: Step;
  /** What the step is to do. Holds no secret: it is plain text in Pulumi's state and in the evidence. */
  spec: BaseSpec;
  secrets: Secrets;
}

/**
 * The Command of one step: `create` and `update` apply, `delete` undoes.
 *
 * The command's text holds nothing but the step's kind, since state keeps it, other clones run it and errors print
 * it. There are no `triggers`: they replace, and the old resource's delete would undo the new work.
 */
export class StepCommand extends local.Command {
  readonly step: Step;

  constructor(name: string, { step, spec, secrets }: StepCommandArgs, opts: pulumi.CustomResourceOptions) {
    const apply = `node bin/step.mjs ${step.name} apply`;
    const inputs: local.CommandArgs = {
      create: apply,
      update: apply,
      delete: `node bin/step.mjs ${step.name} undo`,
      stdin: JSON.stringify(spec),
      environment: secretsFor(step, secrets),
      logging: "stderr",
      addPreviousOutputInEnv: false,
    };
    super(name, inputs, opts);
    this.step = step;
  }

  /** What is read of the result. The line is unknown in preview, and empty for a resource that never ran. */
  resultOf<Recorded extends object>(step: RecordingStep<Recorded>): pulumi.Output<Recorded | undefined> {
    const read = (line: string) => (line ? resultOf(step, { result: JSON.parse(line) }) : undefined);
    return pulumi.output(this.stdout).apply(read);
  }
}

/** The mail's password and its readers' addresses are nobody's but those who send: a rotation updates just them. */
function secretsFor({ sendsMail }: Step, secrets: Secrets): Secrets {
  const { [MAIL_VARIABLE]: _, ...rest } = secrets;
  return sendsMail ? secrets : rest;
}
