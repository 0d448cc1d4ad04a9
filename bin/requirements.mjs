import { existsSync } from "node:fs";
import { findOnPath, findPostgres } from "./programs.mjs";
import { atLeast, NODE } from "./versions.mjs";

// Parsed by old Nodes as well: see programs.mjs.

/** True where `apt-get` may be run without asking anybody. */
export function isRootOnDebian() {
  return Boolean(
    process.getuid && process.getuid() === 0 && existsSync("/etc/debian_version") && findOnPath("apt-get"),
  );
}

/** The one command that installs a package on this kind of machine. */
function installCommand(debian, brew) {
  if (process.platform === "darwin") return `brew install ${brew}`;
  const root = process.getuid && process.getuid() === 0;
  return `${root ? "" : "sudo "}apt-get install -y ${debian}`;
}

function missingNode() {
  if (atLeast(process.versions.node, NODE)) return [];
  return [{ what: `Node ${NODE} or newer (this is ${process.versions.node})`, install: "nvm install 22" }];
}

function missingProgram(name, install) {
  return findOnPath(name) ? [] : [{ what: name, install }];
}

/** PostgreSQL's programs that are not there: its client always, its server unless a database is given. */
export function missingPostgres() {
  const server = process.env.ROLLOUT_SANDBOX_DATABASE_URL ? [] : ["initdb", "pg_ctl", "postgres"];
  return [...server, "pg_dump", "pg_restore", "psql"].filter((name) => !findPostgres(name));
}

function postgresRemedy() {
  const missing = missingPostgres();
  if (missing.length === 0 || isRootOnDebian()) return [];
  const client = process.env.ROLLOUT_SANDBOX_DATABASE_URL;
  return [
    {
      what: `PostgreSQL (${missing.join(", ")})`,
      install: client
        ? installCommand("postgresql-client", "libpq")
        : `${installCommand("postgresql", "postgresql@17")}   or set ROLLOUT_SANDBOX_DATABASE_URL to a database of yours`,
    },
  ];
}

/** Everything that is missing and cannot be set up from here, but for the engine (see engine.mjs). */
export function missingRequirements({ npm }) {
  const windows = process.platform === "win32";
  return [
    ...(windows ? [{ what: "Linux (Windows works by WSL2 only)", install: "wsl --install" }] : []),
    ...missingNode(),
    ...(npm ? missingProgram("npm", installCommand("npm", "node")) : []),
    ...missingProgram("git", installCommand("git", "git")),
    ...postgresRemedy(),
  ];
}

/** The list as a person reads it. */
export function describeMissing(missing) {
  const lines = missing.map(({ what, install }) => `  ${what}\n      ${install}`);
  return ["Missing on this machine, each with the command that installs it:", ...lines, ""].join("\n");
}
