import { deepEqual, match } from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { judgeEnvironment, readEnvironment } from "../../review/alembic-env.ts";
import { readRevisionFolder } from "../../review/alembic-folder.ts";
import { judgeOrder } from "../../review/alembic-order.ts";
import { CHANGE } from "../steps/rollout-target.ts";
import { temporaryFolder } from "../temporary-folder.ts";

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
