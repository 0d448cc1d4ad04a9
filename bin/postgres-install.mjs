import { aptInstall } from "./apt.mjs";
import { missingPostgres } from "./requirements.mjs";
import { SetupError } from "./say.mjs";

/** As root on Debian the distribution's PostgreSQL is installed; elsewhere requirements.mjs has already asked for it. */
export function installPostgres() {
  const missing = missingPostgres();
  if (missing.length === 0) return;
  const name = process.env.ROLLOUT_SANDBOX_DATABASE_URL ? "postgresql-client" : "postgresql";
  if (aptInstall("PostgreSQL", name) && missingPostgres().length === 0) return;
  throw new SetupError(
    `postgres: expected apt-get to install ${missing.join(", ")}, got none. ` +
      "See its message above, or set ROLLOUT_SANDBOX_DATABASE_URL to a database of yours.",
  );
}
