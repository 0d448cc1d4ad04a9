/** Phases of the rollout by number: what `phase` in the stack config means. */
export const phaseNames = [
  "pre-flight",
  "database-migration",
  "code-deployment",
  "interface-rollout",
  "validation",
] as const;

/** Its number by its name; -1 for what is none. */
export const phaseNumber = (name: string): number => (phaseNames as readonly string[]).indexOf(name);

/** The last phase: behind it lies only `rollout finish`. */
export const LAST_PHASE = phaseNames.length - 1;

/** `phase 2 (code-deployment)`, as messages name a phase. */
export function phaseTitle(phase: number): string {
  return `phase ${phase} (${phaseNames[phase] ?? "unknown"})`;
}
