import { aptInstall } from "./apt.mjs";
import { findOnPath } from "./programs.mjs";
import { isRootOnDebian } from "./requirements.mjs";
import { say } from "./say.mjs";

/**
 * Debian's packages that tests need and the product does not, each with its program. Without one of them its
 * tests are skipped and say so; the gate installs them first, so that there nothing is skipped.
 */
const TEST_PACKAGES = {
  shellcheck: "shellcheck",
  "systemd-nspawn": "systemd-container",
  "git-lfs": "git-lfs",
};

const missing = Object.entries(TEST_PACKAGES).flatMap(([program, name]) =>
  findOnPath(program) ? [] : [name],
);
if (missing.length > 0 && !isRootOnDebian()) {
  say(`Tests will be skipped without ${missing.join(", ")}: apt-get install -y ${missing.join(" ")}`);
} else if (missing.length > 0 && !aptInstall("Tests", ...missing)) {
  say(`test: expected apt-get to install ${missing.join(", ")}, got none. See its message above.`);
  process.exitCode = 2;
}
