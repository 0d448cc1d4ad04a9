/** Phases of the rollout by number: what `phase` in the stack config means. */
export const phaseNames = [
  "pre-flight",
  "database-migration",
  "code-deployment",
  "interface-rollout",
  "validation",
] as const;

/** The highest phase that this release builds. Higher ones are refused by name, never faked. */
export const lastBuiltPhase = 3;

/** `phase 2 (code-deployment)`, as messages name a phase. */
export function phaseTitle(phase: number): string {
  return `phase ${phase} (${phaseNames[phase] ?? "unknown"})`;
}
