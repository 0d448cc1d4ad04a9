import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { plannedSql } from "../../postgres/sql/planned-sql.ts";
import { judgeSql } from "../../postgres/sql/sql-rules.ts";
import { lintSql } from "../../postgres/sql/squawk.ts";
import { CHANGE } from "../steps/rollout-target.ts";

const signal = new AbortController().signal;

/** The rules that find something, each transaction a list of statements. */
async function rulesOf(...transactions: string[][]): Promise<string[]> {
  const named = transactions.map((statements, at) => ({ name: `t${at}`, statements }));
  return [...new Set((await judgeSql(named, CHANGE)).map(({ rule }) => rule))].sort();
}

const SIDES = [{ name: "updated_at", type: "timestamp with time zone" }];
const PLANS = (["refuse", "bypass", "fire"] as const).map((appTriggers) =>
  plannedSql(CHANGE, {
    ...{ lockTimeoutMs: 50, keyType: "bigint", appTriggers },
    sides: appTriggers === "fire" ? SIDES : [],
  }),
);
const TIMEOUT = "SET LOCAL lock_timeout = '50ms'";
const CHECK = "ADD CONSTRAINT c CHECK (deal_type IN ('a')) NOT VALID";
const HELPER = "ADD CONSTRAINT h CHECK (deal_type IS NOT NULL) NOT VALID";
const NOT_NULL = "ALTER TABLE deals ALTER deal_type SET NOT NULL";

describe("rules for SQL that users wait for", () => {
  it("find nothing in what phase 1 plans, forward and back", async () => {
    for (const plan of PLANS) deepEqual(await judgeSql(plan, CHANGE), []);
  });

  for (const [rule, red, green] of [
    ["lock-timeout", [[`ALTER TABLE deals ${HELPER}`]], [[TIMEOUT, `ALTER TABLE deals ${HELPER}`]]],
    [
      "lock-timeout",
      [["SET LOCAL lock_timeout = 0", "LOCK TABLE deals"]],
      [["SET lock_timeout = '1s'"], ["LOCK TABLE deals"]],
    ],
    [
      "lock-timeout",
      [[TIMEOUT], ["DROP TRIGGER a ON deals"]],
      [["CREATE TABLE deals_copy (id int)", "ALTER TABLE deals_copy ADD x int"]],
    ],
    [
      "check-not-valid",
      [[TIMEOUT, `ALTER TABLE deals ${HELPER.replace(" NOT VALID", "")}`]],
      [[TIMEOUT, `ALTER TABLE deals ${HELPER}`]],
    ],
    [
      "check-not-valid",
      [[TIMEOUT, "ALTER TABLE deals ADD FOREIGN KEY (owner) REFERENCES people"]],
      [[TIMEOUT, "ALTER TABLE deals ADD FOREIGN KEY (owner) REFERENCES people NOT VALID"]],
    ],
    [
      "validate-apart",
      [[TIMEOUT, `ALTER TABLE deals ${HELPER}`, "ALTER TABLE deals VALIDATE CONSTRAINT h"]],
      [[TIMEOUT, `ALTER TABLE deals ${HELPER}`], ["ALTER TABLE deals VALIDATE CONSTRAINT h"]],
    ],
    [
      "validate-apart",
      [[TIMEOUT, `ALTER TABLE deals ${HELPER}, VALIDATE CONSTRAINT h`]],
      [["ALTER TABLE deals VALIDATE CONSTRAINT h, VALIDATE CONSTRAINT c"]],
    ],
    [
      "set-not-null-scan",
      [[TIMEOUT, NOT_NULL]],
      [
        [TIMEOUT, `ALTER TABLE deals ${HELPER}`],
        ["ALTER TABLE deals VALIDATE CONSTRAINT h"],
        [TIMEOUT, NOT_NULL],
      ],
    ],
    [
      "set-not-null-with-drop",
      [[TIMEOUT, `${NOT_NULL}, DROP CONSTRAINT h`]],
      [[TIMEOUT, "ALTER TABLE deals DROP CONSTRAINT h"]],
    ],
    [
      "update-without-key-range",
      [["UPDATE deals SET deal_type = 'a' WHERE deal_type IS NULL"]],
      [["UPDATE deals SET deal_type = 'a' WHERE deal_type IS NULL AND id BETWEEN 1 AND 9"]],
    ],
    [
      "update-without-key-range",
      [["WITH x AS (DELETE FROM deals RETURNING 1) SELECT * FROM x"]],
      [["UPDATE people SET name = 'x'"]],
    ],
    [
      "update-with-ddl",
      [["UPDATE deals SET deal_type = 'a' WHERE id = 1", TIMEOUT, "ALTER TABLE deals DROP CONSTRAINT c"]],
      [["UPDATE deals SET deal_type = 'a' WHERE id = 1"], [TIMEOUT, "ALTER TABLE deals DROP CONSTRAINT c"]],
    ],
    [
      "check-lets-null-pass",
      [[TIMEOUT, `ALTER TABLE deals ${CHECK}`]],
      [[TIMEOUT, "ALTER TABLE deals ADD CONSTRAINT c CHECK (budget > 0) NOT VALID"]],
    ],
    [
      "column-default",
      [[TIMEOUT, "ALTER TABLE deals ALTER deal_type SET DEFAULT 'a'"]],
      [[TIMEOUT, "ALTER TABLE deals ALTER deal_type DROP DEFAULT"]],
    ],
  ] as const) {
    it(`${rule}: found in ${red.flat().at(-1)}, not in ${green.flat().at(-1)}`, async () => {
      ok((await rulesOf(...red.map((statements) => [...statements]))).includes(rule));
      equal((await rulesOf(...green.map((statements) => [...statements]))).includes(rule), false);
    });
  }

  it("refuse what is no SQL, by the parser's own message, and what is too long to parse", async () => {
    await rejects(rulesOf(["ALTR TABLE deals"]), /syntax error at or near "ALTR"/);
    await rejects(rulesOf([`SELECT '${"x".repeat(1 << 20)}'`]), /more than 1048576 characters/);
  });

  it("squawk finds a scan under a lock, and nothing in what phase 1 plans", async () => {
    const red = await lintSql("ALTER TABLE a ADD CONSTRAINT x CHECK (b > 1);", {
      inTransaction: false,
      signal,
    });
    ok("warnings" in red && red.warnings.some(({ rule }) => rule === "constraint-missing-not-valid"));
    const text = PLANS.flat()
      .flatMap(({ statements }) => ["BEGIN", ...statements, "COMMIT"])
      .map((statement) => `${statement.trim().replace(/;$/, "")};`)
      .join("\n");
    const except = ["ban-drop-not-null"];
    deepEqual(await lintSql(text, { inTransaction: false, except, signal }), { warnings: [] });
  });
});
