import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { searchCode } from "../../review/code-search.ts";
import { findReads, readPatterns } from "../../review/read-patterns.ts";
import type { TreeLimits } from "../../review/source-tree.ts";
import { CHANGE } from "../steps/rollout-target.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const PATTERNS = readPatterns(CHANGE);
const kindsOf = (text: string) => findReads(text, CHANGE, PATTERNS).map(({ kind }) => kind);

describe("reads that will notice", () => {
  for (const [kind, lines] of Object.entries({
    null: [
      "SELECT 1 FROM deals WHERE deal_type IS NULL",
      'WHERE d."deal_type" is\n  not null',
      "query.filter(Deal.deal_type.is_(None))",
      "query.filter(Deal.deal_type == None)",
      "session.query(Deal).filter_by(deal_type=None)",
      "Deal.objects.filter(deal_type__isnull=True)",
      "if deal.deal_type is None:",
      "if not deal.deal_type:",
      "kind = deal.deal_type or 'acquisition'",
      "if (deal.dealType === null) return;",
      "if (!deal.deal_type) return;",
      "const kind = deal.deal_type ?? 'acquisition'",
      "knex('deals').whereNull('deal_type')",
      "SELECT coalesce(d.deal_type, 'acquisition')",
      "where: { deal_type: null }",
    ],
    spelling: [
      "WHERE deal_type = 'carve-out'",
      `if (type === "carve-out")`,
      "x = `carve-out`",
      "deal_type == ''",
      "WHERE deal_type = 'seller''s'",
    ],
    pattern: ["WHERE deal_type ILIKE 'carve%'", "Deal.deal_type.like('carve%')"],
    returning: [
      "INSERT INTO deals (name) VALUES ($1) RETURNING *",
      'UPDATE "public"."deals"\n   SET name = $1\n RETURNING id, deal_type',
    ],
    copy: ["COPY deals TO STDOUT", "cur.copy_expert('COPY (SELECT * FROM deals) TO STDOUT', f)"],
  })) {
    for (const line of lines) it(`${kind}: ${line}`, () => ok(kindsOf(line).includes(kind as "null"), line));
  }

  for (const line of [
    "WHERE deal_types IS NULL",
    "WHERE other_deal_type IS NULL",
    "WHERE status IS NULL",
    "const acq = ''",
    "INSERT INTO deals (name) VALUES ($1) RETURNING id",
    "INSERT INTO analyses (deal_id) SELECT id FROM deals RETURNING *",
    "COPY people TO STDOUT",
    'if (key === "deal_type" || key === "x") continue;',
    "the log says deal_type=none",
    "WHERE deal_type = 'carveout'",
    "deal_type: string | null",
  ])
    it(`none: ${line}`, () => deepEqual(kindsOf(line), []));

  it("take linear time, whatever the text", () => {
    for (const piece of [
      "deal_type ",
      "!a.",
      "'carve-out",
      "RETURNING ",
      "COPY (",
      "not\t",
      "deal_type\n\n",
      "coalesce(",
    ])
      findReads(piece.repeat(Math.ceil(200_000 / piece.length)), CHANGE, PATTERNS);
  });
});

describe("search through the source", () => {
  const search = (places: string[], ignore: string[] = [], limits: Partial<TreeLimits> = {}) =>
    searchCode(CHANGE, { places, ignore, limits, signal: new AbortController().signal });

  function makeTree(files: Record<string, string>): string {
    const folder = temporaryFolder("source");
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    return folder;
  }

  const READ = "x\ny\nWHERE deal_type IS NULL\n";

  it("says file and line, and leaves out what is foreign, ignored, binary or not matched", async () => {
    const folder = makeTree({
      "a/b.py": READ,
      "a/c.txt": READ,
      "node_modules/x/y.py": READ,
      "tests/t.py": READ,
      "a/d.py": `\0${READ}`,
    });
    const all = await search([folder], ["tests/**"]);
    deepEqual(all.findings.map(({ subject }) => subject).sort(), [
      `${folder}/a/b.py:3`,
      `${folder}/a/c.txt:3`,
    ]);
    const python = await search([`${folder}/**/*.py`], ["tests/**"]);
    deepEqual(
      python.findings.map(({ subject }) => subject),
      [`${folder}/a/b.py:3`],
    );
    equal((await search([folder, `${folder}/a`], ["tests/**"])).files, all.files, "each file once");
  });

  it("shows of a line neither a password nor control characters, and no more than fits", async () => {
    const line = `db("postgres://u:s3cret@h/d"); \u001b[31m deal_type IS NULL ${"x".repeat(5_000)}`;
    const { findings } = await search([makeTree({ "a.py": line })]);
    const [{ finding } = { finding: "" }] = findings;
    match(finding, /deal_type IS NULL/);
    equal(finding.includes("s3cret") || finding.includes("\u001b"), false);
    ok(finding.length < 250);
  });

  it("follows no link, so it neither leaves the tree nor runs in a circle", async () => {
    const [inside, outside] = [makeTree({ "a.py": "" }), makeTree({ "secret.py": READ })];
    symlinkSync(inside, join(inside, "loop"));
    symlinkSync(outside, join(inside, "out"));
    symlinkSync(join(outside, "secret.py"), join(inside, "link.py"));
    deepEqual((await search([inside])).findings, []);
  });

  it("is bounded in files, bytes and depth, and says what it left out", async () => {
    const many = makeTree(Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`${at}.py`, "x"])));
    const cut = await search([many], [], { files: 10 });
    equal(cut.files, 10);
    match(cut.findings[0]?.finding ?? "", /more files than are searched/);
    const large = await search([makeTree({ "big.py": READ.repeat(100) })], [], { fileBytes: 1_000 });
    match(large.findings[0]?.finding ?? "", /1 large files were left out/);
    const deep = await search([makeTree({ "a/b/c/d.py": READ })], [], { depth: 2 });
    match(deep.findings[0]?.finding ?? "", /more files than are searched/);
  });

  it("keeps a thousand findings and counts the rest", async () => {
    const found = await search([makeTree({ "a.py": READ.repeat(1_500) })]);
    equal(found.findings.length, 1_000);
    equal(found.more, 500);
  });

  it("ends when it is told to", async () => {
    const places = [makeTree({ "a.py": READ })];
    await rejects(searchCode(CHANGE, { places, ignore: [], signal: AbortSignal.abort() }), {
      name: "AbortError",
    });
  });
});
