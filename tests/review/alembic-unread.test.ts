import { deepEqual, match } from "node:assert/strict";
import { readOperations } from "../../review/alembic-operations.ts";
import { judgeScript, type ScriptContext } from "../../review/alembic-script.ts";
import { findConvention } from "../../review/constraint-name.ts";
import { CHANGE } from "../steps/rollout-target.ts";

const body = (...lines: string[]) => lines.map((line) => `    ${line}`).join("\n");
const upgrade = (...lines: string[]) => `def upgrade():\n${body(...lines)}\n`;
const read = (text: string) => {
  const { transactions, unclear } = readOperations(text, "f.py");
  return { sql: transactions.flatMap(({ statements }) => statements), unclear };
};

describe("what upgrade() of an Alembic file does", () => {
  const unread: [string, string, string[]][] = [
    [
      "a helper of another file",
      upgrade("run_sql('UPDATE deals SET x = 1')"),
      ["2: run_sql('UPDATE deals SET x = 1')"],
    ],
    [
      "a helper that is imported",
      `from app.migrations import fix\n${upgrade("fix(op.get_bind())")}`,
      ["3: fix(op.get_bind())"],
    ],
    [
      "SQL of a file",
      upgrade("op.execute(open('004.sql').read())"),
      ["2: op.execute(open('004.sql').read())"],
    ],
    [
      "SQL of a variable",
      `def upgrade(sql):\n${body("op.execute(text(sql))")}`,
      ["2: op.execute(text(sql))"],
    ],
    [
      "an f-string",
      upgrade(`op.execute(f"UPDATE {table} SET x = 1")`),
      [`2: op.execute(f"UPDATE {table} SET x = 1")`],
    ],
    ["a loop over texts", upgrade("for sql in STATEMENTS:", "    op.execute(sql)"), ["3: op.execute(sql)"]],
    ["a comprehension", upgrade("[op.execute(s) for s in STATEMENTS]"), ["2: op.execute(s)"]],
    [
      "the ORM",
      upgrade(
        "session = Session(bind=op.get_bind())",
        "session.query(Deal).update({'x': 1})",
        "session.commit()",
      ),
      ["2: Session(bind=op.get_bind())", "3: session.query(Deal).update({'x': 1})"],
    ],
    ["an operation of a plugin", upgrade("op.create_view(deals_view)"), ["2: op.create_view(deals_view)"]],
    [
      "a type that changes",
      upgrade("op.alter_column('deals', 'deal_type', type_=sa.Text())"),
      ["2: op.alter_column('deals', 'deal_type', type_=sa.Text())"],
    ],
    ["a name that is put together", upgrade("globals()['do_' + name]()"), ["2: globals()['do_' + name]()"]],
    ["a function in itself", `def go():\n${body("go()")}\n${upgrade("go()")}`, ["2: go()"]],
    [
      "a function within",
      upgrade("def inner():", "    op.execute('UPDATE deals SET x = 1')", "inner()"),
      ["2: def inner():\n        op.execute('UPDATE deals SET x = 1')\n    ", "4: inner()"],
    ],
    ["no upgrade()", "upgrade = other.upgrade\n", ["1: upgrade(), which is no function of the file"]],
    [
      "a variable that is set twice",
      upgrade("sql = 'SELECT 1'", "sql = 'UPDATE deals SET x = 1'", "op.execute(sql)"),
      ["4: op.execute(sql)"],
    ],
  ];
  for (const [what, text, expected] of unread) {
    it(`is said not to be read where it is ${what}`, () => {
      const found = read(text);
      deepEqual(
        found.unclear.map((line) => line.trimEnd()),
        expected.map((line) => line.trimEnd()),
      );
      deepEqual(found.sql, []);
    });
  }

  const imports =
    "import os\nimport sqlalchemy as sa\nfrom sqlalchemy import orm\nfrom sqlalchemy.orm import Session as S\n";
  const silent: [string, string, string[]][] = [
    [
      "the ORM by its module",
      upgrade(
        "session = orm.Session(op.get_bind())",
        "for deal in session.query(Deal):",
        "    deal.deal_type = 'x'",
        "session.commit()",
      ),
      ["6: orm.Session(op.get_bind())", "8: deal.deal_type = 'x'"],
    ],
    [
      "the ORM by another name, with a count that is kept",
      upgrade("s = S(op.get_bind())", "n = s.query(Deal).update({'x': 1})"),
      ["6: S(op.get_bind())", "7: s.query(Deal).update({'x': 1})"],
    ],
    [
      "the ORM by its whole name, as a context",
      upgrade("with sa.orm.Session(op.get_bind()) as s:", "    deal = s.get(Deal, 1)", "    deal.x += 1"),
      ["6: sa.orm.Session(op.get_bind())", "8: deal.x += 1"],
    ],
    ["a program", upgrade("os.system('psql -f fix.sql')"), ["6: os.system('psql -f fix.sql')"]],
    [
      "a rule that is computed",
      upgrade("op.alter_column('deals', 'deal_type', nullable=not STRICT)"),
      ["6: op.alter_column('deals', 'deal_type', nullable=not STRICT)"],
    ],
    [
      "options that are put in from elsewhere",
      upgrade("op.alter_column('deals', 'deal_type', **OPTIONS)"),
      ["6: op.alter_column('deals', 'deal_type', **OPTIONS)"],
    ],
    [
      "a text that is added to",
      `${upgrade("op.execute(SQL)")}SQL = 'UPDATE deals SET x = 1'\nSQL += ' WHERE y'\n`,
      ["6: op.execute(SQL)"],
    ],
    [
      "a text of a branch",
      `${upgrade("op.execute(SQL)")}SQL = 'SELECT 1'\nif STAGING:\n    SQL = 'SELECT 2'\n`,
      ["6: op.execute(SQL)"],
    ],
  ];
  for (const [what, text, expected] of silent) {
    it(`is said not to be read where it is ${what}`, () =>
      deepEqual(read(imports + text), { sql: [], unclear: expected }));
  }

  const sql = "UPDATE deals SET deal_type = 'carveout' WHERE deal_type = 'carve-out'";
  const readable: [string, string, string[]][] = [
    ["by the driver", upgrade(`op.get_bind().exec_driver_sql("${sql}")`), [sql]],
    ["by a connection", upgrade("conn = op.get_bind()", `conn.execute(sa.text("${sql}"))`), [sql]],
    [
      "by a helper of the file",
      `def fix(conn):\n${body(`conn.execute(sa.text("${sql}"))`)}\n${upgrade("fix(op.get_bind())")}`,
      [sql],
    ],
    [
      "by a helper that gets the text",
      `def run(statement):\n${body("op.execute(statement)")}\n${upgrade(`run("${sql}")`)}`,
      [sql],
    ],
    ["in a constant of its own", upgrade(`statement = "${sql}"`, "op.execute(statement)"), [sql]],
    [
      "for several databases",
      `def upgrade(engine_name):\n${body('globals()["upgrade_%s" % engine_name]()')}\ndef upgrade_main():\n${body(`op.execute("${sql}")`)}\ndef upgrade_other():\n    pass\n`,
      [sql],
    ],
    ["behind a decorator", `@once\n${upgrade(`op.execute("${sql}")`)}`, [sql]],
    [
      "in a block that commits by itself",
      upgrade("with op.get_context().autocommit_block():", `    op.execute("${sql}")`),
      [sql],
    ],
    [
      "beside what only looks",
      `import logging\nlog = logging.getLogger(__name__)\n${upgrade("log.info('x')", "print(len('x'))", "columns = [c['name'] for c in sa.inspect(op.get_bind()).get_columns('deals')]", `op.execute("${sql}")`)}`,
      [sql],
    ],
  ];
  for (const [what, text, expected] of readable) {
    it(`is read ${what}`, () => deepEqual(read(text), { sql: expected, unclear: [] }));
  }

  const judge = async (text: string, context: ScriptContext = {}) =>
    (await judgeScript({ id: "004", parents: [], file: "versions/f.py", text }, CHANGE, context)).map(
      ({ severity, finding }) => `${severity} ${finding}`,
    );

  it("stops where it is not read, until a person has compared it and the file is accepted by name", async () => {
    const text = `${upgrade("helper()")}def downgrade():\n    helper()\n`;
    deepEqual(await judge(text), ["stop not read: versions/f.py:2: helper()."]);
    deepEqual(await judge(text, { accept: ["f.py"] }), ["note not read: versions/f.py:2: helper()."]);
  });

  const beyond: [string, string, RegExp | undefined][] = [
    [
      "a function of the database",
      "SELECT fix_deal_types()",
      /^stop not read: versions\/f\.py:1: its SQL, which runs code of the database: SELECT fix/,
    ],
    [
      "a block of code",
      "DO $$ BEGIN DELETE FROM notes; END $$",
      /^stop not read: .*runs code of the database/,
    ],
    ["a procedure", "CALL fix()", /^stop not read: .*runs code of the database/],
    [
      "the table of another schema",
      "UPDATE archive.deals SET deal_type = NULL",
      /got a change of archive\.deals: the stamp/,
    ],
    [
      "another column",
      "UPDATE deals SET deal_type = 'carveout', title = 'x' WHERE deal_type = 'carve-out'",
      /got a change of deals\.title: the stamp/,
    ],
    ["rows that go", "DELETE FROM deals WHERE deal_type IS NULL", /got DELETE FROM deals WHERE/],
    ["rows that come", "INSERT INTO settings VALUES (1)", /got INSERT INTO settings/],
    [
      "a column that comes",
      "ALTER TABLE deals ADD COLUMN x int",
      /got ALTER TABLE deals ADD COLUMN x int: the stamp/,
    ],
    [
      "a rule of another column",
      "ALTER TABLE deals ALTER COLUMN title SET NOT NULL",
      /got ALTER TABLE deals ALTER COLUMN title/,
    ],
    ["an index", "CREATE INDEX i ON deals (deal_type)", /got CREATE INDEX i/],
    ["a right", "GRANT SELECT ON deals TO app", /got GRANT SELECT ON deals TO app: the stamp/],
    ["an extension", "CREATE EXTENSION citext", /got CREATE EXTENSION citext: the stamp/],
    [
      "a write within a query",
      "WITH a AS (UPDATE notes SET x = 1 RETURNING 1) SELECT count(*) FROM a",
      /got a change of notes: the stamp/,
    ],
    [
      "a mapping that is computed",
      "UPDATE deals SET deal_type = lower(deal_type)",
      /^note not compared with change\.normalise/,
    ],
    [
      "a mapping of some rows",
      "UPDATE deals SET deal_type = 'carveout' WHERE deal_type = 'carve-out' AND id > 5",
      /^note not compared/,
    ],
    ["a look", "SELECT count(*) FROM notes", undefined],
    [
      "settings and locks",
      "SET LOCAL lock_timeout = '2s'; LOCK TABLE deals; ANALYZE deals; SELECT set_config('a.b', '1', true)",
      undefined,
    ],
  ];
  for (const [what, statement, expected] of beyond) {
    it(`says what the stamp would skip or nobody compared: ${what}`, async () => {
      const found = await judge(
        `${upgrade(`op.execute("${statement}")`)}def downgrade():\n    op.execute("SELECT 1")\n`,
      );
      const told = found.filter((text) => !/^note (it does|\[)/.test(text));
      deepEqual(told.length, expected ? 1 : 0, told.join("\n"));
      if (expected) match(told[0] as string, expected);
    });
  }

  it("takes no call's schema for another", async () => {
    const text = `${upgrade("op.alter_column('deals', 'deal_type', nullable=False, schema='archive')")}def downgrade():\n    op.execute("SELECT 1")\n`;
    match((await judge(text)).join("\n"), /got a change of archive\.deals: the stamp/);
  });

  const check = (name: string) =>
    `${upgrade(`op.create_check_constraint(${name}, "deals", "deal_type IN ('acquisition', 'carveout', 'divestiture')", postgresql_not_valid=True)`)}def downgrade():\n    op.execute("SELECT 1")\n`;
  const models = (convention: string) =>
    findConvention([
      {
        path: "models.py",
        text: `metadata = MetaData(naming_convention={"ix": "i_%(column_0_label)s", "ck": ${convention}})`,
      },
    ]);
  const CK = `"ck_%(table_name)s_%(constraint_name)s"`;

  const named: [string, string, ReturnType<typeof models>, RegExp | undefined][] = [
    ["by its plain name", '"valid_deal_type"', undefined, undefined],
    [
      "as Alembic makes it of a convention",
      '"valid_deal_type"',
      models(CK),
      /^stop expected the CHECK .* named valid_deal_type .*, got ck_deals_valid_deal_type\./,
    ],
    ["as op.f marks it, whatever the convention", 'op.f("valid_deal_type")', models(CK), undefined],
    [
      "as op.f marks it, where it differs",
      'op.f("ck_deals_type")',
      undefined,
      /^stop expected the CHECK .*, got ck_deals_type\./,
    ],
    ["by a convention without a place for it", '"valid_deal_type"', models('"ck_%(table_name)s"'), undefined],
    [
      "by the convention alone",
      "None",
      models('"ck_%(table_name)s"'),
      /^stop expected the CHECK .*, got ck_deals\./,
    ],
    [
      "by nobody",
      "None",
      undefined,
      /^note the name of the CHECK that versions\/f\.py adds is not known here: it has none, so PostgreSQL makes one/,
    ],
    [
      "by a convention that is computed",
      '"valid_deal_type"',
      models("make()"),
      /^note the name of the CHECK .*can't be told \(models\.py\)/,
    ],
    [
      "by a convention that asks for a column",
      "None",
      models('"ck_%(column_0_name)s"'),
      /^note the name of the CHECK .* asks for more than it says/,
    ],
  ];
  const conventions: [string, object | undefined][] = [
    ['dict(ck="c_%(constraint_name)s")', { template: "c_%(constraint_name)s", file: "m.py" }],
    ["{**base}", { unknown: "m.py" }],
    ["make()", { unknown: "m.py" }],
    ["settings.NAMING", { unknown: "m.py" }],
    ['{"ix": "i"}', undefined],
    ["None", undefined],
  ];
  for (const [value, expected] of conventions) {
    it(`finds the naming convention ${value}, or says that it can't be told`, () => {
      for (const text of [`MetaData(naming_convention=${value})`, `metadata.naming_convention = ${value}`])
        deepEqual(findConvention([{ path: "m.py", text }]), expected);
    });
  }

  it("knows no name that SQLAlchemy cuts, nor a convention that is set key by key", async () => {
    const long = models(`"${"x".repeat(60)}_%(constraint_name)s"`);
    match(
      (await judge(check('"valid_deal_type"'), { convention: long })).join("\n"),
      /has more than 63 bytes, so it is cut/,
    );
    deepEqual(findConvention([{ path: "m.py", text: 'm.naming_convention["ck"] = "x"' }]), {
      unknown: "m.py",
    });
  });

  for (const [what, name, convention, expected] of named) {
    it(`names its CHECK ${what}`, async () => {
      const found = (await judge(check(name), { convention })).filter((text) =>
        /CHECK of|name of the CHECK/.test(text),
      );
      deepEqual(found.length, expected ? 1 : 0, found.join("\n"));
      if (expected) match(found[0] as string, expected);
    });
  }
});
