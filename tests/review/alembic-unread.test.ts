import { deepEqual, match } from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { judgeEnvironment, readEnvironment } from "../../review/alembic-env.ts";
import { readRevisionFolder } from "../../review/alembic-folder.ts";
import { readOperations } from "../../review/alembic-operations.ts";
import { judgeOrder } from "../../review/alembic-order.ts";
import { judgeScript, type ScriptContext } from "../../review/alembic-script.ts";
import { findConvention } from "../../review/constraint-name.ts";
import { CHANGE } from "../steps/rollout-target.ts";
import { temporaryFolder } from "../temporary-folder.ts";

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

describe("the folder of Alembic's files", () => {
  const make = async (files: Record<string, string>) => {
    const folder = temporaryFolder("alembic");
    await mkdir(join(folder, "versions"));
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    return join(folder, "versions");
  };

  it("says which revision it could not read, and where", async () => {
    const folder = await make({
      "versions/a.py": '"""x"""\nfrom base import down_revision\nrevision = "a"\n',
    });
    const found = await readRevisionFolder(folder, { ignore: [], signal: new AbortController().signal });
    deepEqual(
      found.unclear.map((place) => place.replace(/^.*\//, "")),
      ["a.py:3"],
    );
    const [first, second] = judgeOrder(found, { folder: "versions", wanted: "a", current: [], made: false });
    match(
      first?.finding ?? "",
      /expected Alembic revisions in versions, got none that can be read \(not read: .*a\.py:3\)/,
    );
    match(second?.finding ?? "", /^not read: .*a\.py:3: its revision or down_revision is computed/);
  });

  const environments: [string, string, string | undefined, RegExp | undefined][] = [
    [
      "the same table",
      'context.configure(version_table="v", version_table_schema="crm")',
      "crm.v",
      undefined,
    ],
    ["nothing of it", "context.configure(connection=connection)", "crm.alembic_version", undefined],
    [
      "another schema",
      'SCHEMA = "crm"\ncontext.configure(version_table_schema=SCHEMA)',
      "public.alembic_version",
      /table crm\.alembic_version as .*env\.py says, got public\.alembic_version\./,
    ],
    [
      "another name, in a dictionary",
      'opts = {"version_table": "v"}\ncontext.configure(**opts)',
      "public.alembic_version",
      /table v as .*env\.py says, got public\.alembic_version\./,
    ],
    [
      "a table that is not there",
      'context.configure(version_table_schema="crm")',
      undefined,
      /table crm\.alembic_version as .* says, got none of that name/,
    ],
    [
      "what only running it tells",
      "context.configure(\n  version_table_schema=settings.schema)",
      "public.alembic_version",
      /^not read: .*env\.py:2: version_table_schema=settings\.schema/,
    ],
  ];
  for (const [what, text, name, expected] of environments) {
    it(`is compared with the database where env.py says ${what}`, async () => {
      const environment = await readEnvironment(await make({ "env.py": text }));
      const found = judgeEnvironment(
        environment,
        name === undefined ? undefined : { oid: 1, name, sql: name },
        {
          change: CHANGE,
          accept: [],
        },
      );
      deepEqual(found.length, expected ? 1 : 0);
      if (expected) match(found[0]?.finding ?? "", expected);
    });
  }
});
