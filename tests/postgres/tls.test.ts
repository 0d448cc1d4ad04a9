import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { type Cluster, serverAccount, startCluster } from "../../postgres/backup/cluster.ts";
import { connect } from "../../postgres/connect.ts";
import { libpqEnvironment } from "../../postgres/libpq-environment.ts";
import { findProgram } from "../../postgres/programs.ts";
import { endServer } from "../database.ts";
import { temporaryFolder } from "../temporary-folder.ts";

/** A root of our own, another one, and a certificate of `db.example` that ours signs. */
function makeCertificates(folder: string) {
  const openssl = (line: string) =>
    execFileSync("openssl", line.split(" "), { cwd: folder, stdio: "ignore" });
  for (const name of ["root", "other"])
    openssl(
      `req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=${name} -keyout ${name}.key -out ${name}.crt`,
    );
  openssl("req -newkey rsa:2048 -nodes -subj /CN=db.example -keyout server.key -out server.csr");
  writeFileSync(join(folder, "names"), "subjectAltName=DNS:db.example");
  const signed = "-in server.csr -CA root.crt -CAkey root.key -CAcreateserial -extfile names -out server.crt";
  openssl(`x509 -req -days 2 ${signed}`);
}

describe("TLS, as libpq understands the words", () => {
  let cluster: Cluster;
  let folder: string;
  let plain: Cluster;
  before(async function () {
    this.timeout(120_000);
    const directory = temporaryFolder("tls");
    folder = temporaryFolder("certificates");
    makeCertificates(folder);
    cluster = await startCluster({ directory, settings: { fsync: "off" } });
    process.prependOnceListener("exit", () => endServer(directory));
    const account = serverAccount();
    for (const name of ["server.crt", "server.key"]) {
      const path = join(directory, "data", name);
      copyFileSync(join(folder, name), path);
      chmodSync(path, 0o600);
      if (account) chownSync(path, account.uid, account.gid);
    }
    const admin = new pg.Client({ connectionString: cluster.url() });
    await admin.connect();
    await admin.query("ALTER SYSTEM SET ssl = on");
    await admin.query("SELECT pg_reload_conf()");
    await admin.end();
    const other = temporaryFolder("plain");
    plain = await startCluster({ directory: other, settings: { fsync: "off" } });
    process.prependOnceListener("exit", () => endServer(other));
  });

  const withWords = (words: string, { host = "127.0.0.1", to = cluster } = {}) => {
    const url = new URL(to.url());
    const at = `${host}:${url.port}`;
    return `postgres://${url.username}:${url.password}@${at}/postgres?${words.replaceAll("FOLDER", folder)}`;
  };
  /** Whether the session is encrypted, or why there is none. */
  const ours = async (url: string) => {
    try {
      const client = await connect(url);
      const { rows } = await client.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
      await client.end();
      return rows[0].ssl ? "tls" : "plain";
    } catch (error) {
      return (error as Error).message;
    }
  };
  /** The same by libpq itself. */
  const theirs = (url: string) => {
    try {
      const query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
      const args = ["-XAtc", query];
      const env = libpqEnvironment(url);
      const said = execFileSync(findProgram("psql"), args, { env, stdio: ["ignore", "pipe", "ignore"] });
      return said.toString().trim() === "t" ? "tls" : "plain";
    } catch {
      return "refused";
    }
  };

  const NAMED = { host: "db.example" };
  const cases: { words: string; host?: string; to?: "plain"; got: "tls" | "plain" | RegExp }[] = [
    { words: "", got: "tls" },
    { words: "sslmode=disable", got: "plain" },
    { words: "sslmode=allow", got: "plain" },
    { words: "sslmode=prefer", got: "tls" },
    { words: "sslmode=require", got: "tls" },
    { words: "ssl=true", got: "tls" },
    { words: "sslmode=require&channel_binding=require", got: "tls" },
    {
      words: "sslmode=disable&channel_binding=require",
      got: /got no channel binding, which channel_binding=require asks for\. Set it to prefer\.$/,
    },
    { words: "sslmode=require&sslrootcert=FOLDER/root.crt", got: "tls" },
    {
      words: "sslmode=require&sslrootcert=FOLDER/other.crt",
      got: /a certificate that nothing here vouches for\. Set sslrootcert .* \(\w+\)\.$/,
    },
    { words: "sslmode=verify-ca&sslrootcert=FOLDER/root.crt", got: "tls" },
    {
      words: "sslmode=verify-ca&sslrootcert=FOLDER/other.crt",
      got: /a certificate that nothing here vouches for/,
    },
    {
      words: "sslmode=verify-full&sslrootcert=FOLDER/root.crt",
      got: /a certificate that does not name 127\.0\.0\.1\. Give the name that it holds as host, or set sslmode=verify-ca\.$/,
    },
    { words: "sslmode=verify-full&sslrootcert=FOLDER/root.crt&hostaddr=127.0.0.1", ...NAMED, got: "tls" },
    {
      words: "sslmode=verify-full&sslrootcert=FOLDER/other.crt&hostaddr=127.0.0.1",
      ...NAMED,
      got: /vouches/,
    },
    { words: "sslmode=verify-full&sslrootcert=system&hostaddr=127.0.0.1", ...NAMED, got: /vouches/ },
    {
      words: "sslmode=verify-ca&sslrootcert=FOLDER/none.crt",
      got: /expected a readable file for sslrootcert in databaseUrl, got .*none\.crt \(ENOENT\)\. Put it there, or correct sslrootcert\.$/,
    },
    {
      words: "sslmode=require&sslcert=FOLDER/server.crt&sslkey=FOLDER/none.key",
      got: /readable file for sslkey in databaseUrl, got .*none\.key \(ENOENT\)/,
    },
    { words: "sslmode=require&ssl_min_protocol_version=TLSv1.3", got: "tls" },
    { words: "", to: "plain", got: "plain" },
    { words: "sslmode=allow", to: "plain", got: "plain" },
    {
      words: "sslmode=require",
      to: "plain",
      got: /got a server without TLS\. Turn ssl on there, or set sslmode=prefer or disable\.$/,
    },
  ];
  for (const { words, host, to, got } of cases)
    it(`${to ?? "a server with a certificate of its own root"}: ${host ?? ""} ${words || "no word"}`, async () => {
      const url = withWords(words, { ...(host ? { host } : {}), to: to === "plain" ? plain : cluster });
      const result = await ours(url);
      if (got instanceof RegExp) assert.match(result, got);
      else assert.equal(result, got);
      // Files that are missing are found before libpq is asked.
      if (!/ENOENT/.test(result)) assert.equal(theirs(url), got instanceof RegExp ? "refused" : got);
    });

  it("refuses a key that others may read, before the server is asked", async () => {
    chmodSync(join(folder, "server.key"), 0o644);
    const said = await ours(withWords("sslmode=require&sslcert=FOLDER/server.crt&sslkey=FOLDER/server.key"));
    assert.match(
      said,
      /expected sslkey \S+ to be readable by its owner alone, got mode 644\. chmod 600 it\.$/,
    );
  });

  it("takes the first of several hosts that answers, and names all that do not", async () => {
    const { port, username, password } = new URL(cluster.url());
    const url = `postgres://${username}:${password}@127.0.0.1:1,127.0.0.1:${port}/postgres`;
    assert.equal(await ours(url), "tls");
    assert.equal(theirs(url), "tls");
    assert.match(
      await ours(`postgres://${username}:x@127.0.0.1:1,127.0.0.1:2/postgres`),
      /expected a connection to 127\.0\.0\.1:1 or 127\.0\.0\.1:2, database postgres, got from 127\.0\.0\.1:1 a refused connection.*; from 127\.0\.0\.1:2 a refused/,
    );
    assert.match(
      await ours(`postgres://${username}:canary@127.0.0.1:${port},127.0.0.1:1/postgres`),
      /expected a connection to 127\.0\.0\.1:\d+, database postgres, got a refused password/,
    );
  });

  it("reaches a server by its socket, and by key=value words", async () => {
    const { port, username, password } = new URL(cluster.url());
    const socket = encodeURIComponent(cluster.directory);
    for (const url of [
      `postgres://${username}:${password}@${socket}:${port}/postgres`,
      `host=${cluster.directory} port=${port} user=${username} password=${password} dbname=postgres`,
    ]) {
      assert.equal(await ours(url), "plain");
      assert.equal(theirs(url), "plain");
    }
  });
});
