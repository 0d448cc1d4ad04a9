import { findPostgres } from "../bin/programs.mjs";
import { StepError } from "../errors/step-error.ts";

/**
 * Path of one of PostgreSQL's programs (`pg_dump`, `initdb`, …), from the places where set-up looks as well.
 * @throws {StepError} when it is nowhere.
 */
export function findProgram(name: string): string {
  const path = findPostgres(name);
  if (path) return path;
  throw new StepError(
    `postgres: expected the program ${name} in ROLLOUT_POSTGRES_BIN, /usr/lib/postgresql/*/bin or PATH, found none. ` +
      "Install PostgreSQL (Debian: apt-get install postgresql).",
  );
}
