/** One line about set-up. On stderr: stdout belongs to the command (`rollout status --json`, `rollout env`). */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/** A fault that a person can mend: its message is all that is shown. */
export class SetupError extends Error {
  constructor(message) {
    super(message);
    this.name = "SetupError";
  }
}
