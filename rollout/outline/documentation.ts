import { documentationCheck } from "../../steps/documentation-check.ts";
import type { Step } from "../../steps/step.ts";
import { MINUTE, type StepOutline } from "./step-outline.ts";

/** Of phase 3: what the release tells its users. */
export const documentationCheckOutline: StepOutline = {
  name: "documentation-check",
  step: documentationCheck as Step,
  deadlineSeconds: 30 * MINUTE,
  fields: ({ deployment, releases, documentation }) => ({
    ...{ repository: deployment?.repository, release: releases.interface, files: documentation?.files },
  }),
};
