/** Where Debian keeps PostgreSQL's programs, off PATH: one folder a version. */
export const POSTGRES_ROOT = "/usr/lib/postgresql";
