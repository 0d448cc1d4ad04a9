import { deepEqual } from "node:assert/strict";
import { loadConfig } from "../../config/load.ts";
import { faultsOf, line, type Row, set, write } from "./fault-rows.ts";
import { validValues, withInner } from "./valid-values.ts";

const POSTGRES = "a URL postgres://user:password@host:port/database, special characters percent-encoded";
const SECRET =
  "Set it: pulumi config set --secret databaseUrl 'postgres://user:password@host:5432/database' --stack prod";

const topLevel: Row[] = [
  [
    "environment of an unknown name",
    { environment: "prod" },
    line("one of sandbox, staging, production", "environment", '"prod"', set("environment", "<value>")),
  ],
  [
    "environment missing",
    { environment: undefined },
    line("one of sandbox, staging, production", "environment", "nothing", set("environment", "<value>")),
  ],
  [
    "phase as text",
    { phase: "one" },
    line("an integer from 0 to 4", "phase", '"one"', set("phase", "<value>")),
  ],
  [
    "phase with a fraction",
    { phase: "0.5" },
    line("an integer from 0 to 4", "phase", '"0.5"', set("phase", "<value>")),
  ],
  ["phase below", { phase: "-1" }, line("an integer from 0 to 4", "phase", "-1", set("phase", "<value>"))],
  ["phase above", { phase: "5" }, line("an integer from 0 to 4", "phase", "5", set("phase", "<value>"))],
  [
    "phase in exponent form",
    { phase: "1e0" },
    line("an integer from 0 to 4", "phase", '"1e0"', set("phase", "<value>")),
  ],
  ["phase empty", { phase: "" }, line("an integer from 0 to 4", "phase", '""', set("phase", "<value>"))],
  [
    "phase missing: no default may roll back",
    { phase: undefined },
    line("an integer from 0 to 4", "phase", "nothing", set("phase", "<value>")),
  ],
  [
    "flag neither true nor false",
    { flag: "yes" },
    line("true or false", "flag", '"yes"', set("flag", "'<true or false>'")),
  ],
  [
    "flag misspelt: off is not told to be on",
    { flag: "flase" },
    line("true or false", "flag", '"flase"', set("flag", "false")),
  ],
  ["flag in capitals", { flag: "True" }, line("true or false", "flag", '"True"', set("flag", "true"))],
  [
    "observe as a number",
    { observe: "1" },
    line("true or false", "observe", '"1"', set("observe", "'<true or false>'")),
  ],
  [
    "flagVariable with a blank",
    { flagVariable: "DEAL TYPE" },
    line(
      "an environment variable's name, upper-case letters, digits and underscore",
      "flagVariable",
      '"DEAL TYPE"',
      set("flagVariable", "DEAL_TYPE_AWARENESS"),
    ),
  ],
  [
    "flagVariable that smuggles a line",
    { flagVariable: "A\nB=1" },
    line(
      "an environment variable's name, upper-case letters, digits and underscore",
      "flagVariable",
      '"A\\nB=1"',
      set("flagVariable", "DEAL_TYPE_AWARENESS"),
    ),
  ],
  [
    "databaseUrl missing",
    { databaseUrl: undefined },
    line("the secret connection string of the target database", "databaseUrl", "nothing", SECRET),
  ],
  [
    "databaseUrl of another database",
    { databaseUrl: "mysql://u:canary@h/d" },
    line(POSTGRES, "databaseUrl", "a value not shown because it is a secret", SECRET),
  ],
  [
    "databaseUrl without a host",
    { databaseUrl: "postgres:///diligence" },
    line(POSTGRES, "databaseUrl", "a value not shown because it is a secret", SECRET),
  ],
  [
    "databaseUrl without a database",
    { databaseUrl: "postgres://u:p@host" },
    line(POSTGRES, "databaseUrl", "a value not shown because it is a secret", SECRET),
  ],
  [
    "databaseUrl with a bare # in its password",
    { databaseUrl: "postgres://u:p#w@host/d" },
    line(POSTGRES, "databaseUrl", "a value not shown because it is a secret", SECRET),
  ],
  ["change missing", { change: undefined }, line("an object", "change", "nothing", write("change"))],
  ["change as text", { change: "deals" }, line("an object", "change", '"deals"', write("change"))],
  ["change that is broken JSON", { change: "{" }, line("an object", "change", '"{"', write("change"))],
  ["migration as a list", { migration: [] }, line("an object", "migration", "[]", write("migration"))],
  ["backup as text", { backup: "file:x" }, line("an object", "backup", '"file:x"', write("backup"))],
  ["evidence as text", { evidence: "file:x" }, line("an object", "evidence", '"file:x"', write("evidence"))],
  ["releases as text", { releases: "main" }, line("an object", "releases", '"main"', write("releases"))],
  [
    "hosts missing",
    { hosts: undefined },
    line("a list with at least one entry", "hosts", "nothing", write("hosts")),
  ],
  ["hosts empty", { hosts: [] }, line("a list with at least one entry", "hosts", "[]", write("hosts"))],
  ["hosts as an object", { hosts: {} }, line("a list", "hosts", "{}", write("hosts"))],
  ["app missing", { app: undefined }, line("an object", "app", "nothing", write("app"))],
  [
    "dependencies as an object",
    { dependencies: {} },
    line("a list", "dependencies", "{}", write("dependencies")),
  ],
];

describe("a faulty configuration is refused with key, value, expectation, file and remedy", () => {
  it("finds no fault in the valid one that the rows below change", () => {
    deepEqual(faultsOf({}), []);
  });

  for (const [what, changed, fault] of topLevel) {
    it(what, () => {
      deepEqual(faultsOf(changed), [fault]);
    });
  }

  it("tells every fault at once, so that one run is enough to mend them all", () => {
    const { migration } = withInner("migration", ["batchSize"], 0);
    const { releases } = withInner("releases", ["baseline"], "main");
    const faults = faultsOf({
      phase: "9",
      flag: "on",
      migration,
      releases,
      databaseUrl: undefined,
      app: undefined,
    });
    deepEqual(
      faults.map((fault) => / for (\S+) in /.exec(fault)?.[1]),
      ["phase", "flag", "migration.batchSize", "releases.baseline", "databaseUrl", "app"],
    );
  });

  it("shows no secret, whichever key Pulumi keeps secret", () => {
    const values = validValues({ databaseUrl: "nonsense-canary", app: { url: "canary" } });
    const faults = (() => {
      try {
        loadConfig({ values, secrets: ["app", "databaseUrl"], stack: "prod", sandbox: () => undefined });
      } catch (error) {
        return String(error);
      }
    })();
    deepEqual(/canary/.test(String(faults)), false);
  });
});
