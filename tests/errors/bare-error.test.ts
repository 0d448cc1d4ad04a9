import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Chain } from "../../ledger/chain.ts";
import { createDatabase } from "../database.ts";
import { baseSpec, change, DEALS, runSql } from "../steps/preflight-deps.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const CANARY = "canary-4711";

/** Runs a step's own process, in a folder of its own. */
function runStep(kind: string, verb: string, spec: object, databaseUrl: string) {
  const folder = temporaryFolder("errors");
  const argv = ["--import", fileURLToPath(import.meta.resolve("tsx")), resolve("steps/main.ts"), kind, verb];
  const env = { ...process.env, ROLLOUT_DATABASE_URL: databaseUrl };
  const { status, stderr } = spawnSync(process.execPath, argv, {
    cwd: folder,
    input: JSON.stringify(spec),
    env,
    encoding: "utf8",
  });
  const errors = join(folder, ".rollout/errors");
  return {
    status,
    stderr,
    folder,
    errors: existsSync(errors) ? readdirSync(errors).map((name) => join(errors, name)) : [],
  };
}

describe("a step's process that meets an error which nobody foresaw", () => {
  it("ends with step, code, subject and remedy in one line, its stack in a file, and the same line in the evidence", async () => {
    const url = await createDatabase();
    // The audit reads the rows of a view, which fails at one of them.
    await runSql(
      url,
      ...DEALS.map((statement) => statement.replaceAll(" deals ", " rows_of_deals ")),
      `CREATE FUNCTION fail(text) RETURNS varchar LANGUAGE plpgsql AS $$ BEGIN RETURN '${CANARY}'::int::text; END $$`,
      "CREATE VIEW deals AS SELECT id, name, fail(name) AS deal_type FROM rows_of_deals",
    );
    const evidence = temporaryFolder("evidence");
    const base = baseSpec("data-audit");
    const spec = { ...base, identity: { ...base.identity, evidenceUrl: `file:${evidence}` }, change };
    const { status, stderr, errors, folder } = runStep("data-audit", "apply", spec, url);
    assert.equal(status, 1, stderr);
    assert.match(
      stderr,
      /^data-audit: .*invalid input syntax for type integer.* \(22P02\)\. A value is not of the column's type/m,
    );
    assert.doesNotMatch(stderr, new RegExp(`${CANARY}|\\n\\s+at `));
    assert.equal(errors.length, 1);
    const [file = ""] = errors;
    assert.ok(stderr.includes(`Its stack: ${file.slice(folder.length + 1)}`), stderr);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.match(readFileSync(file, "utf8"), /22P02\n\s+at /);
    const end = Chain.open(evidence).records.at(-1) as { outcome?: string; error?: string };
    assert.deepEqual(
      [end.outcome, end.error],
      ["failed", stderr.split("\n").find((line) => line.includes("(22P02)"))],
    );
  });
});
