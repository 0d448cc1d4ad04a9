import { deepEqual } from "node:assert/strict";
import { faultsOf, inner, line, type Row, setInner, write } from "./fault-rows.ts";
import { withInner } from "./valid-values.ts";

const IDENTIFIER = "lower-case letters, digits and underscore, at most 63 characters";
const SHA = "a full commit SHA, 40 lower-case hex digits (branches and tags move)";
const PATH = "an absolute path";
const URL_TEXT = "a URL http://… or https://…";
const STORE = "a URL file:<path> (or s3://<bucket>/<path>)";

const rows: Row[] = [
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
  inner("hosts", [0, "envFileReader"], "bash", "one of systemd, dotenv", '"bash"'),
  inner("hosts", [0, "services"], [], "a list with at least one entry", "[]", write("hosts")),
  ...["app@", "app@.service", "web.socket", "app.target", "--now", "web; reboot"].map((unit) =>
    inner(
      "hosts",
      [0, "services", 0, "unit"],
      unit,
      "a systemd service's name, of a template with its instance (app@1)",
      JSON.stringify(unit),
    ),
  ),
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

describe("a fault inside of a key is told by its whole path", () => {
  for (const [what, changed, fault] of rows) {
    it(what, () => {
      deepEqual(faultsOf(changed), [fault]);
    });
  }

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
