import { spawnSync } from "node:child_process";
import { say } from "./say.mjs";

function apt(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  return spawnSync("apt-get", ["-qq", "-y", ...args], { env, stdio: ["ignore", 2, 2] }).status === 0;
}

/** Installs packages as root on Debian, and says so. @returns whether apt-get did. */
export function aptInstall(what, ...packages) {
  say(`${what}: apt-get install -y ${packages.join(" ")}`);
  // The package lists of a fresh image are empty or old: fetched only when the first try fails.
  return apt("install", ...packages) || (apt("update") && apt("install", ...packages));
}
