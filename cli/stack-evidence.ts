import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { evidenceSection } from "../config/stores.ts";
import { evidenceFolder } from "../ledger/store.ts";
import { PROJECT_ROOT } from "./project.ts";

/** Where the stack's file has the evidence: that file needs no backend, and the address is no secret. */
function evidenceUrl(stack: string): string {
  let given: unknown;
  try {
    const text = readFileSync(join(PROJECT_ROOT, `Pulumi.${stack}.yaml`), "utf8");
    given = (parse(text) as { config?: Record<string, unknown> }).config?.["deal-type-rollout:evidence"];
  } catch {
    // No file, or none that can be read: then where it is by default, and no records there are an error.
  }
  const section = evidenceSection(stack);
  return (section.safeParse(given).data ?? section.parse({})).url;
}

/** Folder of a stack's evidence, by its file alone: no backend is asked. */
export const stackEvidence = (stack: string): string => evidenceFolder(evidenceUrl(stack));

/** Whether anything was ever recorded of it. */
export function hasEvidence(stack: string): boolean {
  const folder = stackEvidence(stack);
  return existsSync(folder) && readdirSync(folder).length > 0;
}
