/** What may go wrong, and can't be told for certain before: one object of the target, whose owner may take the risk. */
export interface Risk {
  /** Of the constraint, index, policy or trigger: what `migration.accept` lists. */
  name: string;
  /** `expected …, got …`, without a full stop. */
  finding: string;
  /** Without a full stop. */
  remedy: string;
}

/** Risks that nobody has taken are blockers; those that `migration.accept` names stay in the plan. */
export function judgeRisks(
  risks: readonly Risk[],
  accept: readonly string[] = [],
): { blockers: string[]; notes: string[] } {
  const taken = risks.filter(({ name }) => accept.includes(name));
  return {
    blockers: risks
      .filter((risk) => !taken.includes(risk))
      .map(
        ({ name, finding, remedy }) =>
          `${finding}. ${remedy}, or take the risk: migration.accept: [${JSON.stringify(name)}].`,
      ),
    notes: taken.map(({ finding }) => `accepted (migration.accept): ${finding}`),
  };
}
