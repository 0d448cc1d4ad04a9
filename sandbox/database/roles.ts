import pg from "pg";
import { StepError } from "../../errors/step-error.ts";
import type { Secrets } from "./secrets.ts";

export const DATABASE = "diligence";
/** Owns the tables and runs the migration; may create roles, is no superuser. */
export const OWNER = "diligence_owner";
/** What the app logs in as: reads and writes rows, owns nothing. */
export const APP = "diligence_app";
/** Read-only, logs in nowhere: a team's reporting group. */
export const REPORT = "diligence_report";

const ROLES = [
  { name: OWNER, options: "LOGIN CREATEROLE", secret: "owner" },
  { name: APP, options: "LOGIN", secret: "app" },
  { name: REPORT, options: "NOLOGIN", secret: undefined },
] as const;

/**
 * Creates the sandbox's roles, or sets the passwords of the ones that it created before.
 * `mark` is the comment that tells them as this checkout's: a role or database of that name without it
 * belongs to somebody, and is never touched.
 */
export async function ensureRoles(admin: pg.Client, secrets: Secrets, mark: string): Promise<void> {
  for (const { name, options, secret } of ROLES) {
    const { rows } = await admin.query(
      "SELECT shobj_description(oid, 'pg_authid') AS mark FROM pg_roles WHERE rolname = $1",
      [name],
    );
    if (rows[0] && rows[0].mark !== mark) throw notOurs("role", name);
    if (!rows[0]) {
      // One message, one transaction: never a role without its comment.
      await admin.query(
        `CREATE ROLE ${name} ${options}; COMMENT ON ROLE ${name} IS ${pg.escapeLiteral(mark)}`,
      );
    }
    if (secret) await admin.query(`ALTER ROLE ${name} PASSWORD ${pg.escapeLiteral(secrets[secret])}`);
  }
  // The migration tries its triggers as every role that writes, which asks for the right to become that role.
  await admin.query(`GRANT ${APP} TO ${OWNER}`);
  // CREATE DATABASE … OWNER asks a role that is no superuser to be a member of the owner.
  const { rows } = await admin.query("SELECT pg_has_role(current_user, $1, 'member') AS member", [OWNER]);
  if (rows[0]?.member !== true) await admin.query(`GRANT ${OWNER} TO CURRENT_USER`);
}

export function notOurs(kind: "role" | "database", name: string): StepError {
  return new StepError(
    `sandbox: expected the ${kind} ${name} on the server of ROLLOUT_SANDBOX_DATABASE_URL to be this checkout's, ` +
      "got one that it did not create. Use another server, or drop it there if nobody needs it.",
  );
}

/** Connection string of a role for the sandbox's database on the server of `adminUrl`. */
export function roleUrl(
  adminUrl: string,
  role: string,
  password: string,
  database: string = DATABASE,
): string {
  const url = new URL(adminUrl);
  url.username = role;
  url.password = password;
  url.pathname = `/${database}`;
  return url.href;
}
