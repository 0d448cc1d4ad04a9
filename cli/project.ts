import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** This checkout's root: every path of the configuration starts here. */
export const PROJECT_ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Stack that every verb works on unless `--stack` names another. */
export const DEFAULT_STACK = "sandbox";
