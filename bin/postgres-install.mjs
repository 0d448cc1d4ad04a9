import { spawnSync } from "node:child_process";
import { missingPostgres } from "./requirements.mjs";
import { SetupError, say } from "./say.mjs";

function apt(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  return spawnSync("apt-get", ["-qq", "-y", ...args], { env, stdio: ["ignore", 2, 2] }).status === 0;
}

/** As root on Debian the distribution's PostgreSQL is installed; elsewhere requirements.mjs has already asked for it. */
export function installPostgres() {
  const missing = missingPostgres();
  if (missing.length === 0) return;
  const name = process.env.ROLLOUT_SANDBOX_DATABASE_URL ? "postgresql-client" : "postgresql";
  say(`PostgreSQL: apt-get install -y ${name}`);
  // The package lists of a fresh image are empty or old: fetched only when the first try fails.
  const done = apt("install", name) || (apt("update") && apt("install", name));
  if (done && missingPostgres().length === 0) return;
  throw new SetupError(
    `postgres: expected apt-get to install ${missing.join(", ")}, got none. ` +
      "See its message above, or set ROLLOUT_SANDBOX_DATABASE_URL to a database of yours.",
  );
}
