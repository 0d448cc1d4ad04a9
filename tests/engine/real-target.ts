import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import pg from "pg";
import { APP, REPORT } from "../../sandbox/database/roles.ts";
import { seed } from "../../sandbox/database/seed.ts";
import { createDatabase } from "../database.ts";

async function withAdmin<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * A target as a company has it: a database of which we get the owner of the tables and no more, and an application
 * of which we know the address.
 */
export class RealTarget {
  readonly app: string;
  readonly #admin: string;
  /** A role of its own: two targets may be on one server. */
  readonly #owner: string;
  readonly #server: Server;

  private constructor(admin: string, owner: string, server: Server) {
    this.#admin = admin;
    this.#owner = owner;
    this.#server = server;
    this.app = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async make(): Promise<RealTarget> {
    const admin = await createDatabase("real");
    const owner = `rollout_owner_${randomBytes(4).toString("hex")}`;
    await withAdmin(admin, async (client) => {
      for (const role of [APP, REPORT])
        await client.query(
          `DO $$ BEGIN CREATE ROLE ${role}; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`,
        );
      await client.query(`CREATE ROLE ${owner} LOGIN CREATEROLE`);
      await client.query(`GRANT ${APP} TO ${owner}`);
      await client.query(`ALTER DATABASE ${new URL(admin).pathname.slice(1)} OWNER TO ${owner}`);
    });
    const server = createServer((request, response) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(request.url === "/health" ? { database: "ok" } : { total: 1 }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const target = new RealTarget(admin, owner, server);
    await target.#seed();
    return target;
  }

  async #seed(): Promise<void> {
    await withAdmin(await this.rotatePassword(), async (client) => {
      await seed(client, { deals: 300, unmapped: false }, () => undefined);
      // The spellings of Pulumi.production.yaml only: the others are the sandbox's.
      await client.query(
        "UPDATE deals SET deal_type = 'carve-out' WHERE deal_type NOT IN ('acquisition', 'carveout', 'divestiture', 'Carve-Out ')",
      );
    });
  }

  /** Gives the owner another password. @returns its connection string. */
  async rotatePassword(): Promise<string> {
    const password = `canary${randomBytes(9).toString("hex")}`;
    await withAdmin(this.#admin, (client) =>
      client.query(`ALTER ROLE ${this.#owner} PASSWORD '${password}'`),
    );
    const url = new URL(this.#admin);
    url.username = this.#owner;
    url.password = password;
    return url.href;
  }

  /** A superuser's connection, which no change of the owner's password ends; the caller ends it. */
  async connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.#admin });
    await client.connect();
    return client;
  }

  async dispose(): Promise<void> {
    this.#server.close();
    await withAdmin(this.#admin, (client) => client.query(`ALTER ROLE ${this.#owner} NOLOGIN`));
  }
}
