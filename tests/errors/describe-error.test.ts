import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { readFileSync, symlinkSync } from "node:fs";
import { mkdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { connect as connectSocket, createServer } from "node:net";
import { join } from "node:path";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { execa } from "execa";
import pg from "pg";
import { z } from "zod";
import { serverRemedy } from "../../errors/server-remedies.ts";
import { freePort } from "../../postgres/backup/cluster.ts";
import { createDatabase, testCluster } from "../database.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { CANARY, told } from "./told-error.ts";

const thrownBy = async (work: () => unknown): Promise<unknown> => {
  try {
    await work();
  } catch (error) {
    return error;
  }
  return assert.fail("expected an error");
};

describe("an error of the server that nobody foresaw", () => {
  let client: pg.Client;
  before(async () => {
    client = new pg.Client({ connectionString: await createDatabase() });
    await client.connect();
    for (const statement of [
      "CREATE TABLE deals (id int PRIMARY KEY, name text NOT NULL, budget int, size varchar(3))",
      "ALTER TABLE deals ADD CONSTRAINT enough CHECK (budget > 5)",
      `INSERT INTO deals VALUES (1, '${CANARY}', 10)`,
      "CREATE TABLE notes (deal int REFERENCES deals)",
      "CREATE TYPE mood AS ENUM ('fine')",
      "CREATE ROLE reader",
      "CREATE DOMAIN short AS text CHECK (length(value) < 3)",
      "CREATE FUNCTION put_together() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SELECT \"' || NEW.name || '\"'; RETURN NEW; END $$",
      "CREATE TRIGGER put_together BEFORE UPDATE OF budget ON deals FOR EACH ROW EXECUTE FUNCTION put_together()",
      `CREATE FUNCTION refuse() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'budget of ${CANARY}'; END $$`,
    ])
      await client.query(statement);
  });
  after(() => client.end());

  const ask = (sql: string) => thrownBy(() => client.query(sql));

  const REAL: [string, string, string, string | undefined][] = [
    [
      "a missing value",
      `INSERT INTO deals VALUES (2, NULL, 10, '${CANARY.slice(0, 3)}')`,
      "23502",
      "column public.deals.name",
    ],
    [
      "a key that is there",
      `INSERT INTO deals VALUES (1, '${CANARY}', 10)`,
      "23505",
      "constraint deals_pkey, table public.deals",
    ],
    [
      "a broken CHECK",
      `INSERT INTO deals VALUES (3, '${CANARY}', 1)`,
      "23514",
      "constraint enough, table public.deals",
    ],
    [
      "a broken key",
      "INSERT INTO notes VALUES (77)",
      "23503",
      "constraint notes_deal_fkey, table public.notes",
    ],
    ["a text that is no number", `SELECT '${CANARY}'::int`, "22P02", undefined],
    ["a value of no enum", `SELECT '${CANARY}'::mood`, "22P02", undefined],
    ["a date that is none", `SELECT '${CANARY}'::date`, "22007", undefined],
    ["a json that is none", `SELECT '{${CANARY}'::json`, "22P02", undefined],
    ["a text that is too long", `UPDATE deals SET size = '${CANARY}'`, "22001", undefined],
    [
      "a name that a trigger makes of a row",
      "UPDATE deals SET budget = 20",
      "42703",
      "function put_together",
    ],
    [
      "a value of no domain",
      `SELECT '${CANARY}'::short`,
      "23514",
      "constraint short_check, type public.short",
    ],
    ["a cast in a function", `SELECT array_append(ARRAY[1], '${CANARY}')`, "22P02", undefined],
    ["a division by zero", "SELECT 1 / 0", "22012", undefined],
    ["a table that is not there", "SELECT * FROM nowhere", "42P01", undefined],
    ["a column that is not there", "SELECT nothing FROM deals", "42703", undefined],
    ["no right", "SET ROLE reader; SELECT * FROM deals", "42501", undefined],
    ["a statement that is none", "SELEC 1", "42601", undefined],
    ["a RAISE of the application", "SELECT refuse()", "P0001", "function refuse"],
    ["a time limit", "SET statement_timeout = 10; SELECT pg_sleep(5)", "57014", undefined],
    ["something that others need", "DROP TABLE deals", "2BP01", undefined],
    ["a write in a read-only transaction", "BEGIN READ ONLY; DELETE FROM notes", "25006", undefined],
    ["a broken transaction", "BEGIN; SELECT 1 / 0", "22012", undefined],
  ];
  for (const [what, sql, code, subject] of REAL) {
    it(`is told by code, subject and remedy, without a value of a row: ${what}`, async () => {
      const error = await ask(sql);
      await client.query("ROLLBACK; RESET ROLE; RESET statement_timeout");
      const described = told(error);
      assert.equal(described.code, code);
      assert.equal(described.subject, subject);
      assert.equal(described.next, serverRemedy(code));
    });
  }

  /** Every class of PostgreSQL's appendix A, each by one of its codes; and one of the application's own. */
  const CLASSES = (
    "01000 02000 03000 08006 09000 0A000 0B000 0F000 0L000 0P000 0Z000 20000 21000 22000 23000 24000 25000 26000 27000 " +
    "28000 2B000 2D000 2F000 34000 38000 39000 3B000 3D000 3F000 40001 42000 44000 53000 54000 55000 57000 58000 72000 " +
    "F0000 HV000 P0001 XX000 AB123"
  ).split(" ");
  it("has a remedy for every class of SQLSTATE, raised by a function with a row in each of its parts", async () => {
    for (const code of CLASSES) {
      const error = await ask(
        `DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '${code}', MESSAGE = 'row ${CANARY}', DETAIL = 'Failing row contains (${CANARY})', ` +
          `HINT = 'mend ${CANARY}', TABLE = 'deals', SCHEMA = 'public'; END $$`,
      );
      const described = told(error);
      assert.deepEqual(
        [described.code, described.subject],
        [code, "table public.deals, function inline_code_block"],
        code,
      );
    }
  });

  it("tells a refused connection, a missing database and a refused password apart, without the password", async () => {
    const url = (await testCluster()).url();
    const variants: [string, string][] = [
      [url.replace(/\/postgres$/, "/nowhere"), "3D000"],
      [url.replace(/:[^:@]+@/, `:${CANARY}@`), "28P01"],
      [url.replace(/@127\.0\.0\.1:\d+/, "@127.0.0.1:1"), "ECONNREFUSED"],
    ];
    for (const [connectionString, code] of variants) {
      const error = await thrownBy(() => new pg.Client({ connectionString }).connect());
      assert.equal(told(error).code, code);
    }
  });
});

describe("an error of the system that nobody foresaw", () => {
  const folder = () => temporaryFolder("errors");

  const REAL: [string, string, () => unknown, RegExp | undefined][] = [
    ["ENOENT", "a file that is not there", () => readFile("/no/such/file"), /^\/no\/such\/file$/],
    ["EISDIR", "a folder in place of a file", () => readFile("/tmp"), undefined],
    ["ENOTDIR", "a file in place of a folder", () => readFile("/etc/passwd/x"), /^\/etc\/passwd\/x$/],
    ["EEXIST", "a folder that is there", () => mkdir("/tmp"), /^\/tmp$/],
    ["ENOTEMPTY", "a folder that is not empty", () => rmdir("/etc"), /^\/etc$/],
    ["ENAMETOOLONG", "a name that is too long", () => readFile(`/tmp/${"x".repeat(300)}`), /x{20}/],
    ["ENOSPC", "a full disk", () => writeFile("/dev/full", CANARY), undefined],
    [
      "ELOOP",
      "links in a circle",
      () => {
        const path = join(folder(), "circle");
        symlinkSync(path, path);
        return readFile(path);
      },
      /circle$/,
    ],
    ["ECONNREFUSED", "a port where nobody listens", () => fetchNobody(), undefined],
    ["ENOTFOUND", "a name that nobody knows", () => fetchKnown("ENOTFOUND"), undefined],
    ["ERR_INVALID_URL", "an address that is none", () => new URL(`postgres://u:${CANARY}@:x`), undefined],
    ["Z_DATA_ERROR", "a file that is no gzip", () => promisify(gunzip)(Buffer.from(CANARY)), undefined],
    [
      "exit 3",
      "a program that fails, with a row in its output",
      () => execa("sh", ["-c", `echo ${CANARY} >&2; exit 3`]),
      /^sh$/,
    ],
    ["SIGKILL", "a program that is killed", () => execa("sh", ["-c", "kill -9 $$"]), /^sh$/],
    ["timed out", "a program that takes too long", () => execa("sleep", ["5"], { timeout: 20 }), /^sleep$/],
    ["ENOENT", "a program that is not there", () => execa("no-such-program", [CANARY]), /no-such-program/],
    [
      "exit 4",
      "the same by Node alone",
      () => execFileSync("sh", ["-c", `echo ${CANARY} >&2; exit 4`], { stdio: "pipe" }),
      undefined,
    ],
    [
      "invalid data",
      "data of another shape",
      () => z.object({ a: z.number() }).parse({ a: CANARY, b: 1 }),
      undefined,
    ],
    ["SyntaxError", "a text that is no JSON", () => JSON.parse(`"${CANARY}" x`), undefined],
    [
      "SyntaxError",
      "a JSON with more texts than one",
      () => JSON.parse(`{"a": "b", "${CANARY}": "${CANARY}", "c": x}`),
      undefined,
    ],
    ["SyntaxError", "a number that is none", () => BigInt(CANARY), undefined],
    ["SyntaxError", "a pattern that is none", () => new RegExp(`(${CANARY}`), undefined],
    [
      "RangeError",
      "a value behind a colon",
      () => Promise.reject(new RangeError(`Invalid time value: ${CANARY}`)),
      undefined,
    ],
    [
      "TypeError",
      "a fault of ours",
      () => (undefined as unknown as { canary: () => void }).canary(),
      undefined,
    ],
    [
      "TimeoutError",
      "a time limit of a request",
      () => Promise.reject(AbortSignal.abort(new DOMException("x", "TimeoutError")).reason),
      undefined,
    ],
    ["AbortError", "a request that was broken off", () => AbortSignal.abort().throwIfAborted(), undefined],
    ["no error", "a text that is thrown", () => Promise.reject(CANARY), undefined],
    ["no error", "nothing that is thrown", () => Promise.reject(undefined), undefined],
    [
      "Error",
      "an error with a secret in an address",
      () => Promise.reject(new Error(`no answer of https://u:${CANARY}@example.com/`)),
      undefined,
    ],
  ];

  /** A port that was free a moment ago. */
  async function fetchNobody(): Promise<unknown> {
    return fetch(`http://127.0.0.1:${await freePort()}/`);
  }

  /** No name server is asked: this is what Node makes of its answer. */
  function fetchKnown(code: string): Promise<never> {
    const cause = Object.assign(new Error(`getaddrinfo ${code} nowhere.invalid`), {
      code,
      syscall: "getaddrinfo",
      hostname: "nowhere.invalid",
    });
    return Promise.reject(new TypeError("fetch failed", { cause }));
  }

  for (const [code, what, work, subject] of REAL) {
    it(`is told by code, subject and remedy: ${what} (${code})`, async () => {
      const described = told(await thrownBy(work));
      assert.equal(described.code, code);
      if (subject) assert.match(described.subject ?? "", subject);
    });
  }

  it("is told for a port that is taken, and for a reader that is gone", async () => {
    const first = createServer((socket) => socket.resetAndDestroy()).listen(0, "127.0.0.1");
    await new Promise((resolve) => first.once("listening", resolve));
    const { port } = first.address() as { port: number };
    const taken = await new Promise((resolve) =>
      createServer().once("error", resolve).listen(port, "127.0.0.1"),
    );
    assert.deepEqual([told(taken).code, told(taken).subject], ["EADDRINUSE", `127.0.0.1:${port}`]);
    const broken = await new Promise((resolve) => connectSocket(port, "127.0.0.1").once("error", resolve));
    assert.equal(told(broken).code, "ECONNRESET");
    // It reads no more, and goes on.
    const child = spawn("sh", ["-c", "exec 0<&-; echo closed; sleep 2"]);
    await new Promise((resolve) => child.stdout.once("data", resolve));
    const gone = await new Promise((resolve) => child.stdin.once("error", resolve).write(CANARY));
    assert.equal(told(gone).code, "EPIPE");
    first.close();
  });

  it("is told for a certificate that nobody trusts", async () => {
    const keys = folder();
    const argv = [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-days",
      "1",
      "-subj",
      "/CN=localhost",
    ];
    execFileSync("openssl", [...argv, "-keyout", join(keys, "key"), "-out", join(keys, "cert")], {
      stdio: "ignore",
    });
    const [key, cert] = ["key", "cert"].map((name) => readFileSync(join(keys, name)));
    const server = createTlsServer({ key: key as Buffer, cert: cert as Buffer }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const refused = await new Promise((resolve) =>
      connectTls({ host: "127.0.0.1", port }).once("error", resolve),
    );
    server.close();
    const { code, next } = told(refused);
    assert.equal(code, "DEPTH_ZERO_SELF_SIGNED_CERT");
    assert.match(next, /NODE_EXTRA_CA_CERTS/);
  });

  it("is found inside of several errors at once, and behind its causes", async () => {
    const inner = await thrownBy(() => readFile("/no/such/file"));
    const several = new AggregateError([new Error(CANARY.slice(0, 3)), inner], "all of them failed");
    assert.equal(told(several).code, "ENOENT");
    assert.equal(told(new Error("outer", { cause: new Error("middle", { cause: inner }) })).code, "ENOENT");
    const circle = new Error("round");
    circle.cause = circle;
    assert.equal(told(circle).code, "Error");
  });
});
