import { existsSync } from "node:fs";
import { BROWSERS, findOnPath, findPostgres } from "./programs.mjs";
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
function missingPostgres() {
  const server = process.env.ROLLOUT_SANDBOX_DATABASE_URL ? [] : ["initdb", "pg_ctl", "postgres"];
  return [...server, "pg_dump", "pg_restore", "psql"].filter((name) => !findPostgres(name));
}

function postgresPackage() {
  const missing = missingPostgres();
  if (missing.length === 0) return [];
  const client = process.env.ROLLOUT_SANDBOX_DATABASE_URL;
  const what = `PostgreSQL (${missing.join(", ")})`;
  if (client)
    return [{ what, debian: "postgresql-client", install: installCommand("postgresql-client", "libpq") }];
  const install = `${installCommand("postgresql", "postgresql@17")}   or set ROLLOUT_SANDBOX_DATABASE_URL to a database of yours`;
  return [{ what, debian: "postgresql", install }];
}

/** What phases 3 and 4 of the sandbox use: a browser for the checklist, zstd for the archive. */
function sandboxPackages() {
  const browser = BROWSERS.some((name) => findOnPath(name));
  return [
    ...(browser
      ? []
      : [
          {
            what: `browser (${BROWSERS[0]})`,
            debian: "chromium",
            install: installCommand("chromium", "--cask chromium"),
          },
        ]),
    ...(findOnPath("zstd")
      ? []
      : [{ what: "zstd", debian: "zstd", install: installCommand("zstd", "zstd") }]),
  ];
}

/** Packages of the system that are not there, each with Debian's name and the command that installs it. */
export function missingPackages({ sandbox }) {
  return postgresPackage().concat(sandbox ? sandboxPackages() : []);
}

/** Everything that is missing and cannot be set up from here, but for the engine (see engine.mjs). */
export function missingRequirements({ npm, sandbox }) {
  const windows = process.platform === "win32";
  return [
    ...(windows ? [{ what: "Linux (Windows works by WSL2 only)", install: "wsl --install" }] : []),
    ...missingNode(),
    ...(npm ? missingProgram("npm", installCommand("npm", "node")) : []),
    ...missingProgram("git", installCommand("git", "git")),
    ...(isRootOnDebian() ? [] : missingPackages({ sandbox })),
  ];
}

/** The list as a person reads it. */
export function describeMissing(missing) {
  const lines = missing.map(({ what, install }) => `  ${what}\n      ${install}`);
  return ["Missing on this machine, each with the command that installs it:", ...lines, ""].join("\n");
}
