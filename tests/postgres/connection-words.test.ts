import assert from "node:assert/strict";
import fc from "fast-check";
import { type ConnectionWords, readConnectionWords } from "../../postgres/connection-words.ts";

const URL_FORM = "postgres://me:x@h/d";

describe("words of a connection string", () => {
  const table: [string, Partial<ConnectionWords>][] = [
    [
      "postgres://me:p%40%2F%3A@h:6000/d",
      { hosts: [{ host: "h", port: 6000 }], password: "p@/:", database: "d" },
    ],
    [
      "postgresql://me@h1,h2:5433/d?target_session_attrs=primary",
      {
        hosts: [
          { host: "h1", port: 5432 },
          { host: "h2", port: 5433 },
        ],
        words: { target_session_attrs: "primary" },
      },
    ],
    [
      "postgres://me:x@[::1]:5433,[fe80::1]/d",
      {
        hosts: [
          { host: "::1", port: 5433 },
          { host: "fe80::1", port: 5432 },
        ],
      },
    ],
    ["postgres://me:x@%2Fvar%2Frun%2Fpostgresql/d", { hosts: [{ host: "/var/run/postgresql", port: 5432 }] }],
    [
      "postgres:///d?host=/tmp&user=me&port=5433",
      { hosts: [{ host: "/tmp", port: 5433 }], user: "me", database: "d" },
    ],
    ["postgres://me:x@h/d?hostaddr=10.0.0.1", { hosts: [{ host: "h", port: 5432, address: "10.0.0.1" }] }],
    [
      "host=h port=6000 user=me dbname='my db' password='it\\'s a\\\\b' sslmode = require",
      {
        hosts: [{ host: "h", port: 6000 }],
        ...{ user: "me", database: "my db", password: "it's a\\b", words: { sslmode: "require" } },
      },
    ],
    [
      "host=h1,h2 port=5433 user=me dbname=d",
      {
        hosts: [
          { host: "h1", port: 5433 },
          { host: "h2", port: 5433 },
        ],
        database: "d",
      },
    ],
    ["postgres://me:x@h/d\n", { database: "d" }],
    ["postgres://me:x@h/d?ssl=true", { words: { sslmode: "require" } }],
    ["postgres://me:x@h/d?keepalives_idle=30&options=-c%20a%3Db", { words: { options: "-c a=b" } }],
    ["postgres://me:x@h?sslmode=disable&dbname=d", { database: "d", words: { sslmode: "disable" } }],
  ];
  for (const [text, expected] of table)
    it(`are read as libpq reads them: ${text}`, () => {
      const words = readConnectionWords(text);
      for (const [name, value] of Object.entries(expected))
        assert.deepEqual(words[name as keyof ConnectionWords], value, name);
    });

  const refused: [string, RegExp][] = [
    [
      "service=prod user=me host=h",
      /got "service"\. Write what the service file says of it into databaseUrl\.$/,
    ],
    [
      `${URL_FORM}?passfile=/x`,
      /got "passfile"\. Write the password into databaseUrl, which is kept as a secret\.$/,
    ],
    [
      `${URL_FORM}?target_session_attrs=standby`,
      /got "standby"\. A rollout writes: set it to read-write or primary\.$/,
    ],
    [`${URL_FORM}?gssencmode=require`, /got "require"\. GSSAPI is not supported: set it to disable/],
    [
      `${URL_FORM}?sslmode=no-verify`,
      /\(disable, allow, prefer, require, verify-ca, verify-full\), got "no-verify"\. Correct it\.$/,
    ],
    [
      `${URL_FORM}?load_balance_hosts=random`,
      /got "random"\. Remove it from databaseUrl: all sessions have to reach one server\.$/,
    ],
    [`${URL_FORM}?sslpassword=geheim`, /got "sslpassword"\. Give a key without a passphrase/],
    [`${URL_FORM}?require_auth=md5`, /got "require_auth"\. Remove require_auth from databaseUrl\.$/],
    ["postgres://me:x@h:70000/d", /got the port 70000\. Correct it/],
    ["postgres://me:x@::1/d", /an IPv6 address has to be in brackets/],
    ["postgres://me:canary%zz@h/d", /got a % without two hexadecimal digits/],
    ["postgres://me:can/ary@h/d", /postgres: expected databaseUrl to be/],
    ["host=h user=me password='canary", /got words that can't be read/],
    ["mysql://me:canary@h/d", /got a URL that begins with mysql:\/\/\. Correct it/],
    ["postgresql+psycopg2://me:canary@h/d", /got a URL that begins with postgresql\+psycopg2:\/\/\./],
    ["jdbc:postgresql://h/d?user=me&password=canary", /got a URL that begins with jdbc:postgresql:\/\/\./],
    [
      "postgres://me:x@canary@h/d",
      /got a host with a blank, @, ; or = in it\. Correct it; special characters/,
    ],
    ["host=h;password=canary user=me dbname=d", /got a host with a blank, @, ; or = in it/],
    ["postgres://me@h/d?password=x&canary", /got a word without = behind the \?/],
    ["postgres://me:canary%00@h/d", /got a %00\./],
    [`${URL_FORM}?ssl=false`, /got "ssl"\. Write sslmode instead: disable, require or verify-full\.$/],
    ["host=h1,h2 port=1,2,3 user=me", /got 2 hosts and 3 ports/],
    ["dbname=d user=me", /got no host/],
    ["postgres://h/d", /got no user/],
    ["postgres://me:x@h", /got no database/],
  ];
  for (const [text, expected] of refused)
    it(`are refused by name with the way: ${text}`, () => {
      assert.throws(
        () => readConnectionWords(text),
        (error: Error) => {
          assert.match(error.message, expected);
          assert.doesNotMatch(error.message, /canary|geheim/);
          return true;
        },
      );
    });

  it("give any password, user and database back, in both forms", () => {
    const text = fc.string({ minLength: 1, unit: "grapheme" }).filter((value) => !value.includes("\u0000"));
    fc.assert(
      fc.property(text, text, text, (user, password, database) => {
        const part = encodeURIComponent;
        const url = `postgres://${part(user)}:${part(password)}@h/${part(database)}`;
        const quote = (value: string) => `'${value.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
        const pairs = `host=h user=${quote(user)} password=${quote(password)} dbname=${quote(database)}`;
        for (const form of [url, pairs]) {
          const words = readConnectionWords(form);
          assert.deepEqual([words.user, words.password, words.database], [user, password, database]);
        }
      }),
    );
  });
});
