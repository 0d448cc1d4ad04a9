/** Path of one of PostgreSQL's programs; undefined when it is nowhere. */
export function findPostgres(name: string): string | undefined;
