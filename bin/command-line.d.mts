/** The stack that a command line names; `sandbox` when it names none. */
export function stackOf(args: readonly string[]): string;
