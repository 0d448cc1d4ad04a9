/** Path of one of PostgreSQL's programs; undefined when it is nowhere. */
export function findPostgres(name: string): string | undefined;

/** Path of a program on PATH; undefined when it is nowhere. */
export function findOnPath(name: string): string | undefined;

/** Browsers that the checklist can drive, by their names on PATH. */
export const BROWSERS: readonly string[];
