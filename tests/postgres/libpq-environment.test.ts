import assert from "node:assert/strict";
import { StepError } from "../../errors/step-error.ts";
import { libpqEnvironment } from "../../postgres/libpq-environment.ts";

describe("libpq environment", () => {
  const table: [string, Record<string, string>][] = [
    [
      "postgres://me:p%40ss%2Fword@db.example:6000/diligence",
      {
        PGHOST: "db.example",
        PGPORT: "6000",
        PGUSER: "me",
        PGPASSWORD: "p@ss/word",
        PGDATABASE: "diligence",
      },
    ],
    [
      "postgresql://me:x@localhost/d?sslmode=disable&application_name=mine&options=-c%20geqo%3Doff",
      { PGPORT: "5432", PGSSLMODE: "disable", PGAPPNAME: "deal-type-rollout" },
    ],
    ["postgres://me@/d?host=/run/postgresql", { PGHOST: "/run/postgresql", PGUSER: "me", PGDATABASE: "d" }],
    ["postgres://me:x@h/a%20b", { PGDATABASE: "a b" }],
  ];
  for (const [url, expected] of table) {
    it(`hands ${url.replace(/:[^:@/]*@/, ":…@")} to PostgreSQL's programs as our own driver reads it`, () => {
      const environment = libpqEnvironment(url);
      for (const [name, value] of Object.entries(expected)) assert.equal(environment[name], value, name);
    });
  }

  it("takes nothing of the connection from the caller's own environment", () => {
    process.env.PGSERVICE = "other";
    try {
      assert.equal(libpqEnvironment("postgres://me:x@h/d").PGSERVICE, undefined);
    } finally {
      delete process.env.PGSERVICE;
    }
  });

  it("refuses a parameter that would be lost on the way, without showing the password", () => {
    const refuse = () => libpqEnvironment("postgres://me:canary@h/d?replication=database");
    assert.throws(refuse, (error) => {
      assert.ok(error instanceof StepError);
      assert.match(error.message, /got "replication"\. Remove it from databaseUrl/);
      assert.doesNotMatch(error.message, /canary/);
      return true;
    });
  });
});
