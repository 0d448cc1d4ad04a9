import { spawnSync } from "node:child_process";
import { aptInstall } from "./apt.mjs";
import { findOnPath } from "./programs.mjs";
import { isRootOnDebian } from "./requirements.mjs";
import { say } from "./say.mjs";

/**
 * Debian's packages that tests need and the product does not, each with its program, if it has one. Without one of them
 * its tests are skipped and say so; the gate installs them first, so that there nothing is skipped.
 */
const TEST_PACKAGES = {
  shellcheck: "shellcheck",
  "systemd-container": "systemd-nspawn",
  "git-lfs": "git-lfs",
  gunicorn: "gunicorn",
  ...{ "python3-flask": null, "python3-celery": null, "python3-psycopg2": null },
  ...{ "python3-pytest": null, "python3-setproctitle": null },
};

const isInstalled = ([name, program]) =>
  program ? findOnPath(program) : spawnSync("dpkg-query", ["--show", name], { stdio: "ignore" }).status === 0;

const missing = Object.entries(TEST_PACKAGES).flatMap((entry) => (isInstalled(entry) ? [] : [entry[0]]));
if (missing.length > 0 && !isRootOnDebian()) {
  say(`Tests will be skipped without ${missing.join(", ")}: apt-get install -y ${missing.join(" ")}`);
} else if (missing.length > 0 && !aptInstall("Tests", ...missing)) {
  say(`test: expected apt-get to install ${missing.join(", ")}, got none. See its message above.`);
  process.exitCode = 2;
}
