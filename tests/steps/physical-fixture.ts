import { rmSync } from "node:fs";
import { type Cluster, startCluster } from "../../postgres/backup/cluster.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { backupSpec, ODDITIES } from "./backup-fixture.ts";
import { DEALS, runSql } from "./preflight-deps.ts";

/** A server of its own: a physical backup copies all that is on it. */
export class PhysicalServer {
  readonly cluster: Cluster;

  private constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  /** A server with a database `diligence` that holds the deals and everything odd, and one more. */
  static async start(settings: Record<string, string> = {}): Promise<PhysicalServer> {
    const directory = temporaryFolder("physical");
    const cluster = await startCluster({ directory, settings: { fsync: "off", ...settings } });
    await runSql(cluster.url(), "CREATE DATABASE diligence", "CREATE DATABASE other");
    await runSql(cluster.url("diligence"), ...DEALS, ...ODDITIES);
    return new PhysicalServer(cluster);
  }

  get url(): string {
    return this.cluster.url("diligence");
  }

  /** As an administrator would, who keeps the settings of the folder. */
  async restart(): Promise<void> {
    const { directory, port } = this.cluster;
    await this.cluster.stop();
    await startCluster({ directory, port, settings: { fsync: "off" } });
  }

  async stop(): Promise<void> {
    await this.cluster.stop();
    rmSync(this.cluster.directory, { recursive: true, force: true });
  }
}

/** A spec of a physical backup in a fresh folder. */
export const physicalSpec = (folder?: string) => ({ ...backupSpec(folder), method: "physical" as const });
