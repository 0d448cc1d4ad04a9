import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Cluster, startCluster } from "../../postgres/backup/cluster.ts";
import { findProgram } from "../../postgres/programs.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const VARIABLE = "ROLLOUT_POSTGRES_BIN";

/** A PostgreSQL of a test's own, to which extensions can be added and taken away. */
export interface OwnInstallation {
  /** Adds an extension from its script. */
  addExtension(name: string, script: string, control?: Record<string, string>): void;
  /** As on a machine that never had its package. */
  removeExtension(name: string): void;
  start(): Promise<Cluster>;
  /** From here on other programs are found again. */
  leave(): void;
}

/**
 * Copies this machine's PostgreSQL and lets our own look-up find the copy. PostgreSQL finds its files by where its
 * program lies, so that the copy never looks into the original.
 */
export function copyInstallation(): OwnInstallation {
  const root = temporaryFolder("installation");
  chmodSync(root, 0o755);
  const ask = (what: string) =>
    execFileSync(join(dirname(findProgram("initdb")), "pg_config"), [`--${what}`], {
      encoding: "utf8",
    }).trim();
  const folders = ["bindir", "sharedir", "pkglibdir"].map(ask);
  for (const folder of folders)
    cpSync(folder, join(root, folder), { recursive: true, filter: (path) => !/bitcode|llvmjit/.test(path) });
  const [bin = "", share = ""] = folders;
  const extension = (file: string) => join(root, share, "extension", file);
  const usual = process.env[VARIABLE];
  process.env[VARIABLE] = join(root, bin);
  return {
    addExtension(name, script, control = {}) {
      const lines = Object.entries({ default_version: "1.0", relocatable: "false", ...control });
      writeFileSync(
        extension(`${name}.control`),
        lines.map(([key, value]) => `${key} = '${value}'\n`).join(""),
      );
      writeFileSync(extension(`${name}--1.0.sql`), script);
    },
    removeExtension: (name) => rmSync(extension(`${name}.control`)),
    start: () => startCluster({ directory: temporaryFolder("own-server"), settings: { fsync: "off" } }),
    leave() {
      if (usual === undefined) delete process.env[VARIABLE];
      else process.env[VARIABLE] = usual;
    },
  };
}
