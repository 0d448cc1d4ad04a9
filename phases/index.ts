import { codeDeployment } from "./code-deployment.ts";
import { databaseMigration } from "./database-migration.ts";
import { interfaceRollout } from "./interface-rollout.ts";
import { preFlight } from "./pre-flight.ts";
import { validation } from "./validation.ts";

/** The phases in order; the number of a phase is its index. */
export const PHASES = [preFlight, databaseMigration, codeDeployment, interfaceRollout, validation] as const;
