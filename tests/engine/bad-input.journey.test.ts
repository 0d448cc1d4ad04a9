import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import type pg from "pg";
import { snapshotSchema } from "../../postgres/schema-snapshot.ts";
import { makePooler } from "../pooler.ts";
import { Checkout, type Outcome } from "./checkout.ts";
import { until } from "./processes.ts";
import { listen, makeBlackHole, StagingStack, traces } from "./staging-stack.ts";

describe("bad input", function () {
  this.timeout(900_000);
  let checkout: Checkout;
  let client: pg.Client;
  let staging: StagingStack;
  let database: URL;
  let app: string;
  const servers: Server[] = [];

  before(async () => {
    checkout = await Checkout.make();
    await checkout.rollout("sandbox", "up", "--deals", "300");
    client = await checkout.connect();
    const urls = await checkout.sandboxUrl();
    database = new URL(urls.database);
    app = urls.app;
    staging = await StagingStack.make(checkout);
  });

  after(async () => {
    for (const server of servers) server.close();
    await client?.end();
    await checkout?.dispose();
  });

  /** The sandbox's database by another address, role or name. */
  function urlWith(changed: Partial<Record<"port" | "pathname" | "username" | "password", string>>): string {
    return Object.assign(new URL(database.href), changed).href;
  }

  async function serve(server: Server, port?: number): Promise<number> {
    servers.push(server);
    return listen(server, port);
  }

  /** A command that is refused: exit code, nothing left behind, no stack trace, no password. */
  async function refused(...args: string[]): Promise<string> {
    const look = async () => ({ schema: await snapshotSchema(client), files: traces(checkout) });
    const before = await look();
    const { exitCode, output }: Outcome = await checkout.try(...args);
    assert.notEqual(exitCode, 0, output);
    assert.deepEqual(await look(), before);
    assert.doesNotMatch(output, /^\s+at .*:\d+:\d+/m);
    assert.doesNotMatch(output, new RegExp(database.password));
    return output;
  }

  /** The lines of a refusal, each of which is told exactly once. */
  function reasons(output: string): string[] {
    assert.match(output, /error: Refused, nothing was changed:\n/);
    return output.split("\n").flatMap((line) => /^ +- (.*)$/.exec(line)?.[1] ?? []);
  }

  /** What the preview of the staging stack with these settings is refused for. */
  async function refusedFor(changed: Record<string, unknown>): Promise<string[]> {
    await staging.write(changed);
    return reasons(await refused("preview", "--stack", staging.name));
  }

  function assertEach(lines: string[], expected: RegExp[]): void {
    assert.equal(lines.length, expected.length, lines.join("\n"));
    for (const [index, pattern] of expected.entries()) assert.match(lines[index] as string, pattern);
  }

  describe("in the configuration", () => {
    it("is told all at once, by preview and up, with key, value, file and the command that mends it", async () => {
      await staging.write({
        ...{ phase: "one", flag: "maybe", observe: [1], flag_variable: "X" },
        change: {
          ...staging.valid<object>("change"),
          schema: 'pub"lic',
          table: "public.deals",
          column: "d".repeat(64),
          key: "schlüssel",
          normalise: { whenNull: "merger" },
        },
        migration: { batchSize: 0, conections: 2 },
        releases: { ...staging.valid<object>("releases"), feature: "main" },
        databaseUrl: "postgres:canary@host",
      });
      const file = "in Pulumi\\.staging\\.yaml, got";
      const expected = [
        /known keys .*, got flag_variable .* Remove it: pulumi config rm flag_variable --stack staging$/,
        new RegExp(
          `integer from 0 to 4 for phase ${file} "one"\\. Set it: pulumi config set phase <value> --stack staging$`,
        ),
        new RegExp(`true or false for flag ${file} "maybe"\\. Set it: `),
        new RegExp(`true or false for observe ${file} "\\[1\\]"\\. Set it: `),
        /for databaseUrl in .*, got a value not shown because it is a secret\. Set it: pulumi config set --secret/,
        new RegExp(`for change\\.schema ${file} "pub\\\\"lic"\\. Set it: `),
        new RegExp(`for change\\.table ${file} "public\\.deals"\\. Set it: `),
        new RegExp(`at most 63 characters for change\\.column ${file} "d{64}"\\. Set it: `),
        new RegExp(`for change\\.key ${file} "schlüssel"\\. Set it: `),
        new RegExp(
          `one of change\\.allowed \\(.*\\) for change\\.normalise\\.whenNull ${file} "merger"\\. Set it: `,
        ),
        new RegExp(`integer from 1 to 100000 for migration\\.batchSize ${file} 0\\. Set it: `),
        /got migration\.conections .* Did you mean migration\.connections\? Remove it: /,
        new RegExp(`full commit SHA.* for releases\\.feature ${file} "main"\\. Set it: `),
      ];
      for (const command of [["preview"], ["up", "--yes"]]) {
        const output = await refused(...command, "--stack", staging.name);
        assertEach(reasons(output), expected);
        assert.doesNotMatch(output, /canary/);
      }
    });

    it("is told as well where required keys are missing", async () => {
      await staging.writeOnly({});
      const lines = reasons(await refused("preview", "--stack", staging.name));
      assert.deepEqual(
        lines.map((line) => / for (\w+) in /.exec(line)?.[1]),
        ["environment", "phase", "change", "releases"],
      );
    });

    it("is told where there is no such phase, and where phases are skipped", async () => {
      assertEach(await refusedFor({ phase: 5 }), [/expected .* for phase in .*, got 5/]);
      assertEach(await refusedFor({ phase: 1 }), [/expected phase 0 at the most, .* got 1\. Set it: /]);
    });

    it("is told where there is no such stack, by its name", async () => {
      assert.match(await refused("preview", "--stack", "nowhere"), /no stack named 'nowhere' found/);
    });
  });

  describe("in what surrounds the rollout", () => {
    const connection = (got: string) =>
      new RegExp(
        `^could not look at [\\w, -]+: postgres: expected a connection to \\S+, database \\w+, got ${got}`,
      );

    it("is told where the database cannot be reached", async () => {
      assertEach(await refusedFor({ databaseUrl: urlWith({ port: "1" }) }), [
        connection("a refused connection\\. Start the server, or correct databaseUrl\\.$"),
      ]);
      const port = String(await serve(makeBlackHole()));
      assertEach(await refusedFor({ databaseUrl: urlWith({ port }) }), [
        connection("no answer in time\\. Check host, port and firewall\\.$"),
      ]);
      assertEach(await refusedFor({ databaseUrl: urlWith({ password: "wrong" }) }), [
        connection("a refused password for role diligence_owner\\. Correct databaseUrl"),
      ]);
    });

    it("is told where it is the wrong database", async () => {
      assertEach(await refusedFor({ databaseUrl: urlWith({ pathname: "/nowhere" }) }), [
        connection("no database nowhere on that server\\. Correct databaseUrl\\.$"),
      ]);
      assertEach(await refusedFor({ databaseUrl: urlWith({ pathname: "/postgres" }) }), [
        /data-audit.*: expected a table public\.deals, got none\. Correct databaseUrl or change/,
      ]);
    });

    it("is told where a pooler stands before the database", async () => {
      const port = String(await serve(makePooler(Number(database.port))));
      assertEach(await refusedFor({ databaseUrl: urlWith({ port }) }), [
        connection(
          "a connection pooler such as PgBouncer in between \\([^()]*\\)\\. .* the server's own port\\.$",
        ),
      ]);
    });

    it("is told where the role lacks rights, with the statements that grant them", async () => {
      await client.query("CREATE ROLE onlooker LOGIN PASSWORD 'onlooker'");
      await client.query("GRANT CONNECT ON DATABASE diligence TO onlooker");
      try {
        const databaseUrl = urlWith({ username: "onlooker", password: "onlooker" });
        assertEach(await refusedFor({ databaseUrl }), [
          /environment-check: owner of table: .* GRANT "diligence_owner" TO "onlooker"\.$/,
          /environment-check: create schema: .* GRANT CREATE ON DATABASE "diligence" TO "onlooker"\.$/,
          /data-audit.*: expected to read public\.deals, got no SELECT right\./,
          /backup: expected a role that may read every row, .* GRANT pg_read_all_data TO "onlooker"/,
        ]);
      } finally {
        await client.query("REVOKE CONNECT ON DATABASE diligence FROM onlooker");
        await client.query("DROP ROLE onlooker");
      }
    });

    it("is told where pg_dump is too old, the disk is full and a program is missing", async () => {
      const folder = join(checkout.folder, ".rollout", "old-programs");
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "pg_dump"), '#!/bin/sh\necho "pg_dump (PostgreSQL) 13.9"\n');
      chmodSync(join(folder, "pg_dump"), 0o755);
      checkout.environment.ROLLOUT_POSTGRES_BIN = folder;
      const dependencies = [{ name: "flask", command: ["/no/such/flask", "--version"] }];
      // The kernel's own file system has no byte free.
      const lines = await refusedFor({ dependencies, backup: { url: "file:/proc/backups" } });
      delete checkout.environment.ROLLOUT_POSTGRES_BIN;
      assertEach(lines, [
        /environment-check: flask: expected /,
        /backup: expected pg_dump 15 or newer, as the server, got 13\.9 at .* Install PostgreSQL 15 client programs/,
        /backup: expected room for up to .* in \/proc\/backups, got 0 B free\. Free .* MiB on that disk; or point/,
      ]);
    });
  });

  describe("in the sandbox", () => {
    it("is told where a second up comes while one runs", async () => {
      const first = checkout.start("up", "--yes", "--skip-preview");
      const locks = join(
        checkout.folder,
        ".rollout/state/.pulumi/locks/organization/deal-type-rollout/sandbox",
      );
      await until("the lock of the first", () => (existsSync(locks) ? readdirSync(locks)[0] : undefined));
      const second = await checkout.try("up", "--yes");
      assert.notEqual(second.exitCode, 0);
      assert.match(second.output, /stack is currently locked .* created by \S+ \(pid \d+\)/s);
      assert.equal((await first).exitCode, 0);
    });

    it("is told where a reset would take the target away from under a live stack", async () => {
      await checkout.up();
      assert.match(
        await refused("sandbox", "reset"),
        /^sandbox: expected a destroyed stack for reset, got stack sandbox in phase 0 .* Take it back first: npx rollout destroy/m,
      );
    });

    it("keeps neither recover from cleaning up nor verify from checking the records", async () => {
      await checkout.rollout("config", "set", "phase", "9");
      const fault = /config: expected an integer from 0 to 4 for phase in Pulumi\.sandbox\.yaml, got 9\./;
      const recovered = await checkout.try("recover");
      assert.equal(recovered.exitCode, 0, recovered.output);
      assert.match(recovered.output, /^recover: nothing is half-done$/m);
      assert.match(recovered.output, fault);
      const verified = await checkout.try("verify");
      assert.equal(verified.exitCode, 1, verified.output);
      assert.match(verified.output, /^evidence: \d+ records in .*, each hash and link right$/m);
      assert.match(verified.output, fault);
      await checkout.rollout("config", "set", "phase", "0");
    });

    it("is told where an option is out of range", async () => {
      assert.match(
        await refused("sandbox", "up", "--deals", "0"),
        /from 1 to 20000000 for --deals, got 0\. /,
      );
    });

    it("is told where a port is taken, and where the sandbox does not run", async () => {
      await client.end();
      await checkout.rollout("sandbox", "down");
      const before = traces(checkout);
      const noSandbox =
        /expected (?:it to run|a running sandbox.*), got no description in .* Start it: npx rollout sandbox up/;
      for (const command of [["preview"], ["sandbox", "url"], ["sandbox", "traffic"]]) {
        const { exitCode, output } = await checkout.try(...command);
        assert.notEqual(exitCode, 0);
        assert.match(output, noSandbox);
      }
      const port = await serve(createServer(), Number(new URL(app).port));
      const { exitCode, output } = await checkout.try("sandbox", "up");
      assert.notEqual(exitCode, 0);
      assert.match(
        output,
        new RegExp(`^sandbox: expected port ${port} on 127.0.0.1 to be free for .*, got a program`, "m"),
      );
      assert.deepEqual(traces(checkout), before);
    });
  });
});
