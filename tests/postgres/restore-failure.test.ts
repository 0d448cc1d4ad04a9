import assert from "node:assert/strict";
import type { ObjectGraph } from "../../postgres/backup/object-graph.ts";
import { readFailure, restoreError } from "../../postgres/backup/restore-failure.ts";

const node = { schema: null, name: null, superuser: null };
const graph: ObjectGraph = {
  nodes: [
    { ...node, id: "1259 16401", kind: "index", identity: "public.deals_plain" },
    { ...node, id: "1259 16385", kind: "table", identity: "public.deals" },
  ],
  needs: [],
};

const ENTRY = "pg_restore: from TOC entry 3210; 1259 16401 INDEX deals_plain rollout\n";
const DATA = "pg_restore: from TOC entry 3211; 0 16385 TABLE DATA deals rollout\n";

/** What a person reads of a restore that failed with this output, beside this log of the server. */
function told(stderr: string, log = ""): string {
  return restoreError(readFailure({ exitCode: 1, stdout: "", stderr }, log, graph)).message;
}

const server = (message: string, rest = "") =>
  `pg_restore: error: could not execute query: ERROR:  ${message}\n${rest}`;

describe("a restore that failed", () => {
  const FAILURES: [string, string, string, RegExp][] = [
    [
      "a right",
      "42501",
      "permission denied to create something",
      /Only a superuser can make it.*'index public\.deals_plain'/,
    ],
    [
      "a missing library",
      "58P01",
      "could not access file",
      /is not on this machine: install it.*Or leave it out/,
    ],
    [
      "a missing object",
      "42704",
      "collation does not exist",
      /needs something that is not in the copy\. Or leave it out/,
    ],
    ["rows that are there twice", "23505", "could not create unique index", /mend them and REINDEX/],
    ["a full disk", "53100", "could not extend file", /Free space in the temporary folder.*stays good\.$/],
    [
      "a server that was ended",
      "57P01",
      "terminating connection",
      /run `rollout up` again; the backup stays good\.$/,
    ],
  ];
  for (const [what, code, message, expected] of FAILURES) {
    it(`is told by object, code and a remedy that helps: ${what}`, () => {
      const log = `00000 LOG:  started\n${code} ERROR:  ${message} at character 14\n${code} STATEMENT:  x\n`;
      const text = told(ENTRY + server(message), log);
      assert.match(text, new RegExp(`restore index public\\.deals_plain, got ${code}: ${message}`));
      assert.match(text, expected);
      assert.doesNotMatch(text, /new backup/);
    });
  }

  it("names the function that leans on search_path, and how the mend gets into a backup", () => {
    const message = "function unaccent(text) does not exist";
    const rest = 'LINE 1: SELECT unaccent($1)\nCONTEXT:  SQL function "plain" during inlining\n';
    const text = told(ENTRY + server(message, rest), `42883 ERROR:  ${message}\n`);
    assert.match(text, /ALTER FUNCTION plain SET search_path/);
    assert.match(text, /npx rollout backups erase/);
  });

  it("shows no value of a row: neither that of the message, nor that of the line that was copied", () => {
    const copied = 'CONTEXT:  COPY deals, line 1, column id: "canary-row"\n';
    const text = told(
      `${DATA}pg_restore: error: COPY failed for table "deals": ERROR:  invalid input syntax for type bigint: "canary-row"\n${copied}`,
    );
    assert.match(text, /restore table public\.deals, got invalid input syntax for type bigint/);
    assert.doesNotMatch(text, /canary-row/);
    assert.match(text, /Take a new backup\.$/, "what is no row any more is damage");
  });

  it("asks for a newer pg_restore where the dump is newer, and for a new backup where it is none", () => {
    assert.match(
      told("pg_restore: error: unsupported version (1.16) in file header\n"),
      /newer than this machine's pg_restore/,
    );
    assert.match(
      told("pg_restore: error: could not read from input file: end of file\n"),
      /Take a new backup\.$/,
    );
  });
});
