import type { z } from "zod";
import { Change } from "../../postgres/migration/change.ts";
import { MigrationOptions } from "../../postgres/migration/migration-options.ts";
import { BaseSpec } from "../step.ts";

/** Spec of the steps that change the table: expand, migration, constraint. */
export const ChangeStepSpec = BaseSpec.extend({
  change: Change,
  migration: MigrationOptions,
});
export type ChangeStepSpec = z.infer<typeof ChangeStepSpec>;
