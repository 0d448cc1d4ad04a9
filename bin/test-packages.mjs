import { existsSync } from "node:fs";
import { aptInstall } from "./apt.mjs";
import { isRootOnDebian } from "./requirements.mjs";
import { say } from "./say.mjs";

const PYTHON = "/usr/lib/python3/dist-packages";

/**
 * Debian's packages that tests need and the product does not, each with a file of it. Without one of them its
 * tests are skipped and say so; the gate installs them first, so that there nothing is skipped.
 */
const TEST_PACKAGES = {
  shellcheck: "/usr/bin/shellcheck",
  "systemd-container": "/usr/bin/systemd-nspawn",
  "git-lfs": "/usr/bin/git-lfs",
  gunicorn: "/usr/bin/gunicorn",
  "python3-flask": `${PYTHON}/flask/__init__.py`,
  "python3-celery": `${PYTHON}/celery/__init__.py`,
  "python3-psycopg2": `${PYTHON}/psycopg2/__init__.py`,
  "python3-pytest": `${PYTHON}/pytest/__init__.py`,
  "python3-setproctitle": `${PYTHON}/setproctitle/__init__.py`,
};

const missing = Object.keys(TEST_PACKAGES).filter((name) => !existsSync(TEST_PACKAGES[name]));
if (missing.length > 0 && !isRootOnDebian()) {
  say(`Tests will be skipped without ${missing.join(", ")}: apt-get install -y ${missing.join(" ")}`);
} else if (missing.length > 0 && !aptInstall("Tests", ...missing)) {
  say(`test: expected apt-get to install ${missing.join(", ")}, got none. See its message above.`);
  process.exitCode = 2;
}
