import { deepEqual } from "node:assert/strict";
import { ConfigError, loadConfig } from "../../config/load.ts";
import { validValues, withInner } from "./valid-values.ts";

/** Every fault of a configuration that differs from a valid one in `changed`. */
function faultsOf(changed: Record<string, unknown>): readonly string[] {
  try {
    loadConfig({ values: validValues(changed), stack: "prod", sandbox: () => undefined });
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

const set = (key: string, value: string) => `Set it: pulumi config set ${key} ${value} --stack prod`;
const setInner = (key: string, value: string) =>
  `Set it: pulumi config set --path ${key} ${value} --stack prod`;
const write = (key: string) => `Write it in Pulumi.prod.yaml: docs/config.md describes ${key}.`;
const line = (expected: string, key: string, got: string, remedy: string) =>
  `config: expected ${expected} for ${key} in Pulumi.prod.yaml, got ${got}. ${remedy}`;

const IDENTIFIER = "lower-case letters, digits and underscore, at most 63 characters";
const SHA = "a full commit SHA, 40 lower-case hex digits (branches and tags move)";
const PATH = "an absolute path";
const URL_TEXT = "a URL http://… or https://…";
const STORE = "a URL file:<path> (or s3://<bucket>/<path>)";
const POSTGRES = "a URL postgres://user:password@host:port/database, special characters percent-encoded";
const SECRET =
  "Set it: pulumi config set --secret databaseUrl 'postgres://user:password@host:5432/database' --stack prod";

type Row = [what: string, changed: Record<string, unknown>, fault: string];

const inner = (
  key: string,
  path: (string | number)[],
  value: unknown,
  expected: string,
  got: string,
  remedy?: string,
): Row => {
  const shown = [key, ...path]
    .map((part, index) => (typeof part === "number" ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join("");
  const word = shown.includes("[") ? `'${shown}'` : shown;
  return [
    `${shown} ${got}`,
    withInner(key, path, value),
    line(expected, shown, got, remedy ?? setInner(word, "<value>")),
  ];
};

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

const innerRows: Row[] = [
  inner("change", ["schema"], 'pub"lic', IDENTIFIER, '"pub\\"lic"', setInner("change.schema", "public")),
  inner("change", ["table"], "public.deals", IDENTIFIER, '"public.deals"'),
  inner("change", ["table"], "d".repeat(64), IDENTIFIER, `"${"d".repeat(64)}"`),
  inner("change", ["table"], "deals; DROP TABLE deals", IDENTIFIER, '"deals; DROP TABLE deals"'),
  inner("change", ["column"], "Geschäftstyp", IDENTIFIER, '"Geschäftstyp"'),
  inner("change", ["column"], "deal_type\u202e", IDENTIFIER, '"deal_type\\u202e"'),
  inner("change", ["key"], 7, IDENTIFIER, "7"),
  inner("change", ["key"], undefined, IDENTIFIER, "nothing"),
  inner("change", ["constraint"], "", IDENTIFIER, '""'),
  inner("hosts", [0, "services"], "web", "a list with at least one entry", '"web"', write("hosts")),
  inner(
    "change",
    ["allowed"],
    "acquisition",
    "a list with at least one entry",
    '"acquisition"',
    write("change"),
  ),
  inner("change", ["normalise"], undefined, "an object", "nothing", write("change")),
  inner(
    "change",
    ["normalise", "whenNull"],
    "merger",
    "one of change.allowed (acquisition, carveout, divestiture)",
    '"merger"',
  ),
  inner(
    "migration",
    ["batchSize"],
    0,
    "an integer from 1 to 100000",
    "0",
    setInner("migration.batchSize", "1000"),
  ),
  inner(
    "migration",
    ["batchSize"],
    100_001,
    "an integer from 1 to 100000",
    "100001",
    setInner("migration.batchSize", "1000"),
  ),
  inner(
    "migration",
    ["batchSize"],
    "1000",
    "an integer from 1 to 100000",
    '"1000"',
    setInner("migration.batchSize", "1000"),
  ),
  inner(
    "migration",
    ["connections"],
    17,
    "an integer from 1 to 16",
    "17",
    setInner("migration.connections", "2"),
  ),
  inner(
    "migration",
    ["lockTimeoutMs"],
    0,
    "an integer from 1 to 10000",
    "0",
    setInner("migration.lockTimeoutMs", "50"),
  ),
  inner(
    "migration",
    ["lockTimeoutMs"],
    50.5,
    "an integer from 1 to 10000",
    "50.5",
    setInner("migration.lockTimeoutMs", "50"),
  ),
  inner(
    "migration",
    ["appTriggers"],
    "ignore",
    "one of refuse, bypass, fire",
    '"ignore"',
    setInner("migration.appTriggers", "refuse"),
  ),
  inner(
    "migration",
    ["reaffirmed"],
    true,
    "one of keep, restore",
    "true",
    setInner("migration.reaffirmed", "keep"),
  ),
  inner(
    "migration",
    ["strategy"],
    "offline",
    "one of online, maintenance",
    '"offline"',
    setInner("migration.strategy", "online"),
  ),
  inner(
    "migration",
    ["alembicRevision"],
    "a b",
    "an Alembic revision, up to 32 letters, digits and underscores",
    '"a b"',
  ),
  inner(
    "backup",
    ["url"],
    "/srv/backups",
    STORE,
    '"/srv/backups"',
    setInner("backup.url", "file:backups/prod"),
  ),
  inner(
    "backup",
    ["url"],
    "postgres://u:canary@h/d",
    STORE,
    '"postgres://***@h/d"',
    setInner("backup.url", "file:backups/prod"),
  ),
  inner(
    "backup",
    ["method"],
    "snapshot",
    "one of logical, physical",
    '"snapshot"',
    setInner("backup.method", "logical"),
  ),
  [
    "backup.encryption.recipients []",
    { backup: { encryption: { recipients: [] } } },
    line("a list with at least one entry", "backup.encryption.recipients", "[]", write("backup")),
  ],
  [
    "a secret key where a public one belongs",
    { backup: { encryption: { recipients: ["AGE-SECRET-KEY-1CANARY"] } } },
    line(
      "a public key of age (age1…) or ssh-ed25519/ssh-rsa",
      "backup.encryption.recipients[0]",
      '"AGE-SECRET-KEY-***"',
      "Set it: pulumi config set --path 'backup.encryption.recipients[0]' <value> --stack prod",
    ),
  ],
  inner("backup", ["keep"], {}, "proven, days or both", "{}", write("backup")),
  [
    "backup.keep.proven 0",
    { backup: { keep: { proven: 0 } } },
    line("an integer from 1 to 1000", "backup.keep.proven", "0", setInner("backup.keep.proven", "<value>")),
  ],
  inner("backup", ["jobs"], 33, "an integer from 1 to 32", "33", setInner("backup.jobs", "2")),
  inner("evidence", ["url"], "", STORE, '""', setInner("evidence.url", "file:evidence/prod")),
  inner("releases", ["baseline"], "main", SHA, '"main"'),
  inner("releases", ["feature"], "A".repeat(40), SHA, `"${"A".repeat(40)}"`),
  inner("releases", ["interface"], undefined, SHA, "nothing"),
  inner("releases", ["permanent"], 12, SHA, "12 (quote it in YAML)"),
  inner(
    "releases",
    ["feature"],
    "a".repeat(40),
    "another commit than releases.baseline",
    `"${"a".repeat(40)}"`,
  ),
  inner("hosts", [0, "name"], "web 1", "a host name", '"web 1"'),
  inner("hosts", [0, "appDir"], "opt/diligence", PATH, '"opt/diligence"'),
  inner("hosts", [0, "envFile"], "/opt/.env\n", PATH, '"/opt/.env\\n"'),
  inner("hosts", [0, "services"], [], "a list with at least one entry", "[]", write("hosts")),
  inner("hosts", [0, "services", 0, "unit"], "web; reboot", "a systemd unit's name", '"web; reboot"'),
  inner("hosts", [0, "services", 0, "kind"], "cron", "one of web, worker", '"cron"'),
  inner(
    "hosts",
    [0, "services", 0, "processes"],
    0,
    "an integer from 1 to 1000",
    "0",
    setInner("'hosts[0].services[0].processes'", "1"),
  ),
  inner("hosts", [0, "services", 0, "health"], "127.0.0.1:8000", URL_TEXT, '"127.0.0.1:8000"'),
  inner("app", ["url"], "diligence.example.com", URL_TEXT, '"diligence.example.com"'),
  inner("dependencies", [0, "name"], "", "text of 1 to 100 characters", '""'),
  inner(
    "dependencies",
    [0, "command"],
    "node --version",
    "a list with at least one entry",
    '"node --version"',
    write("dependencies"),
  ),
  inner(
    "dependencies",
    [0, "pattern"],
    "v(",
    "a regular expression with one group that holds the version",
    '"v("',
  ),
  inner(
    "dependencies",
    [0, "pattern"],
    "v.*",
    "a regular expression with one group that holds the version",
    '"v.*"',
  ),
  inner("dependencies", [0, "minimum"], "latest", "a version of digits and dots, e.g. 3.11", '"latest"'),
];

describe("a faulty configuration is refused with key, value, expectation, file and remedy", () => {
  it("finds no fault in the valid one that the rows below change", () => {
    deepEqual(faultsOf({}), []);
  });

  for (const [what, changed, fault] of [...topLevel, ...innerRows]) {
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

  it("asks for a pattern where a minimum version is to be compared", () => {
    const [fault] = faultsOf({ dependencies: [{ name: "node", command: ["node"], minimum: "20" }] });
    deepEqual(
      fault,
      line(
        "a pattern that finds the version, because minimum asks for one",
        "dependencies[0].pattern",
        "nothing",
        setInner("'dependencies[0].pattern'", "<value>"),
      ),
    );
  });

  it("names a spelling letter by letter, with blanks and control characters visible", () => {
    const { change } = withInner("change", ["normalise", "spellings"], { "Carve-Out\u00a0\t": "merger" });
    deepEqual(faultsOf({ change }), [
      line(
        "one of change.allowed (acquisition, carveout, divestiture)",
        'change.normalise.spellings["Carve-Out\\u00a0\\t"]',
        '"merger"',
        write("change"),
      ),
    ]);
  });
});
