import { aptInstall } from "./apt.mjs";
import { missingPackages } from "./requirements.mjs";
import { SetupError } from "./say.mjs";

/** As root on Debian the distribution's packages are installed; elsewhere requirements.mjs has already asked for them. */
export function installPackages({ sandbox }) {
  const missing = missingPackages({ sandbox });
  if (missing.length === 0) return;
  const names = missing.map(({ debian }) => debian);
  if (aptInstall("Packages", ...names) && missingPackages({ sandbox }).length === 0) return;
  const left = missingPackages({ sandbox }).map(({ what }) => what);
  throw new SetupError(
    `packages: expected apt-get to install ${left.join(", ")}, got none. ` +
      "See its message above, or set ROLLOUT_SANDBOX_DATABASE_URL to a database of yours.",
  );
}
