import { z } from "zod";

/** Variables that only this program's own processes get: no test needs them, and they hold secrets. */
const OWN_VARIABLES = /^(ROLLOUT|PULUMI)_/;

/** A variable of our own environment that a program of the application may be given. */
export const VariableName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, "an environment variable's name")
  .refine((name) => !OWN_VARIABLES.test(name), "another variable than ROLLOUT_… and PULUMI_…");

/** Variables that a program gets from this program's environment. Names only: their values may be secrets, and specs are kept. */
export const Inherit = z.array(VariableName).default([]);
