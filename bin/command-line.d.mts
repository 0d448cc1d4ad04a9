/** The stack that a command line names; `sandbox` when it names none. */
export function stackOf(args: readonly string[]): string;

/** True for help, completion and the verification of an archive: they need no Pulumi. */
export function needsNoStack(args: readonly string[]): boolean;
