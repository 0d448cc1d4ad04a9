import assert from "node:assert/strict";
import fc from "fast-check";
import { findAssignments } from "../../postgres/sql/trigger-body.ts";
import type { Operation } from "../../postgres/sql/trigger-expression.ts";

const BOTH: Operation[] = ["INSERT", "UPDATE"];
const read = async (body: string, operations = BOTH) =>
  (await findAssignments(body, { column: "deal_type", operations })).map(
    ({ line, what, certain }) => `${line}${certain ? "" : "?"} ${what}`,
  );

describe("the body of a trigger", () => {
  const nothing: [string, string][] = [
    ["a comparison", "BEGIN IF NEW.deal_type = 'x' THEN NULL; END IF; RETURN NEW; END"],
    ["a comment", "BEGIN -- NEW.deal_type := 'x'\n /* NEW.deal_type = 1 */ RETURN NEW; END"],
    ["a text", "BEGIN RAISE NOTICE 'NEW.deal_type := %', NEW.deal_type; RETURN NEW; END"],
    ["another column", "BEGIN NEW.deal_type_label := NEW.deal_type; RETURN NEW; END"],
    ["a column that is written otherwise", `BEGIN NEW."Deal_Type" := 'x'; RETURN NEW; END`],
    ["OLD", "BEGIN OLD.deal_type := 'x'; RETURN NEW; END"],
    ["a record of its own", "DECLARE r deals%ROWTYPE; BEGIN r.deal_type := 'x'; RETURN NEW; END"],
    ["a variable of that name", "DECLARE deal_type text; BEGIN deal_type := 'x'; RETURN NEW; END"],
    ["what runs on DELETE alone", "BEGIN IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END"],
    [
      "what comes after every way out",
      "BEGIN IF TG_OP IN ('INSERT', 'UPDATE') THEN RETURN NEW; END IF; RETURN OLD; END",
    ],
    [
      "a CASE of TG_OP",
      "BEGIN CASE TG_OP WHEN 'DELETE' THEN NEW.deal_type := 'x'; RETURN OLD; ELSE RETURN NEW; END CASE; END",
    ],
    ["a row that is not written", "BEGIN IF NEW.deal_type IS NULL THEN RETURN NULL; END IF; RETURN NEW; END"],
    ["NEW by another way", "BEGIN RETURN COALESCE(NEW, OLD); END"],
    ["NEW in a CASE", "BEGIN RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END; END"],
    [
      "a row with another column set",
      "BEGIN NEW := NEW #= hstore('updated_at', now()::text); RETURN NEW; END",
    ],
    ["JSON with another column", `BEGIN NEW = jsonb_populate_record(NEW, '{"budget": 1}'); RETURN NEW; END`],
    ["SELECT INTO another", "DECLARE n int; BEGIN SELECT budget INTO NEW.budget FROM t; RETURN NEW; END"],
    ["a call with values", "BEGIN CALL log_it(NEW.id, NEW.deal_type || ''); RETURN NEW; END"],
  ];
  for (const [what, body] of nothing) {
    it(`assigns nothing by ${what}`, async () => assert.deepEqual(await read(body), []));
  }

  const assigned: [string, string, string[]][] = [
    ["`:=`", "BEGIN\n  NEW.deal_type := 'x';\n  RETURN NEW;\nEND", ["2 NEW.deal_type"]],
    ["`=` in other letters", `BEGIN new . "deal_type" = 'x'; RETURN NEW; END`, ["1 NEW.deal_type"]],
    [
      "SELECT INTO",
      "BEGIN SELECT a, b INTO NEW.budget, NEW.deal_type FROM t; RETURN NEW; END",
      ["1 NEW.deal_type"],
    ],
    [
      "INTO at the end",
      "BEGIN SELECT a FROM t INTO STRICT NEW.deal_type; RETURN NEW; END",
      ["1 NEW.deal_type"],
    ],
    [
      "RETURNING INTO",
      "BEGIN INSERT INTO t VALUES (1) RETURNING a INTO NEW.deal_type; RETURN NEW; END",
      ["1 NEW.deal_type"],
    ],
    ["EXECUTE INTO", "BEGIN EXECUTE 'SELECT 1' INTO NEW.deal_type; RETURN NEW; END", ["1 NEW.deal_type"]],
    [
      "a loop",
      "BEGIN FOR NEW.deal_type IN SELECT a FROM t LOOP NULL; END LOOP; RETURN NEW; END",
      ["1 NEW.deal_type"],
    ],
    [
      "FOREACH",
      "BEGIN FOREACH NEW.deal_type IN ARRAY ARRAY['a'] LOOP NULL; END LOOP; RETURN NEW; END",
      ["1 NEW.deal_type"],
    ],
    [
      "FETCH",
      "DECLARE c CURSOR FOR SELECT 1; BEGIN OPEN c; FETCH c INTO NEW.deal_type; RETURN NEW; END",
      ["1 NEW.deal_type"],
    ],
    [
      "GET DIAGNOSTICS",
      "BEGIN GET DIAGNOSTICS NEW.deal_type = ROW_COUNT; RETURN NEW; END",
      ["1 NEW.deal_type"],
    ],
    [
      "GET STACKED DIAGNOSTICS",
      "BEGIN BEGIN NULL; EXCEPTION WHEN others THEN GET STACKED DIAGNOSTICS NEW.deal_type = MESSAGE_TEXT; END; RETURN NEW; END",
      ["1 NEW.deal_type"],
    ],
    ["an alias", "DECLARE n ALIAS FOR NEW; BEGIN n.deal_type := 'x'; RETURN n; END", ["1 NEW.deal_type"]],
    [
      "a branch of INSERT",
      "BEGIN IF TG_OP = 'INSERT' THEN NEW.deal_type := 'x'; END IF; RETURN NEW; END",
      ["1 NEW.deal_type"],
    ],
    [
      "a CASE of its value",
      "BEGIN CASE NEW.budget WHEN 1 THEN NEW.deal_type := 'x'; ELSE NULL; END CASE; RETURN NEW; END",
      ["1 NEW.deal_type"],
    ],
    ["all of NEW", "DECLARE r deals%ROWTYPE;\nBEGIN\n NEW := r; RETURN NEW; END", ["3? all of NEW"]],
    ["SELECT INTO NEW", "BEGIN SELECT * INTO NEW FROM deals; RETURN NEW; END", ["1? all of NEW"]],
    ["a dynamic row", "BEGIN EXECUTE 'SELECT ($1).*' INTO NEW USING OLD; RETURN NEW; END", ["1? all of NEW"]],
    [
      "JSON that is not written out",
      "BEGIN NEW = json_populate_record(NEW, j); RETURN NEW; END",
      ["1? all of NEW"],
    ],
    [
      "JSON that names it",
      `BEGIN NEW = jsonb_populate_record(NEW, '{"deal_type": 1}'); RETURN NEW; END`,
      ["1? all of NEW"],
    ],
    [
      "hstore with a key of its own",
      "BEGIN RETURN NEW #= hstore(TG_ARGV[0], 'x'); END",
      ["1? RETURN of another row"],
    ],
    [
      "another row",
      "DECLARE r record; BEGIN r := NEW; r.deal_type := 'x'; RETURN r; END",
      ["1? RETURN of another row"],
    ],
    ["a row as a value", "BEGIN RETURN ROW(1, 2); END", ["1? RETURN of another row"]],
    ["OLD on an UPDATE", "BEGIN RETURN OLD; END", ["1? RETURN OLD"]],
    ["an OUT parameter", "BEGIN CALL pick(NEW.deal_type); RETURN NEW; END", ["1? CALL with new.deal_type"]],
    ["an OUT parameter that is a row", "BEGIN CALL fill(NEW); RETURN NEW; END", ["1? CALL with new"]],
  ];
  for (const [what, body, expected] of assigned) {
    it(`assigns the column by ${what}`, async () => assert.deepEqual(await read(body), expected));
  }

  it("is read for the operations that fire it", async () => {
    const body =
      "BEGIN IF TG_OP <> 'UPDATE' THEN NEW.deal_type := 'x'; ELSE RETURN OLD; END IF; RETURN NEW; END";
    assert.deepEqual(await read(body, ["INSERT"]), ["1 NEW.deal_type"]);
    assert.deepEqual(await read(body, ["UPDATE"]), ["1? RETURN OLD"]);
  });

  it("is no trigger that assigns nothing, when the parser does not understand it", async () => {
    await assert.rejects(read("BEGIN NEW.deal_type ::= 1; RETURN NEW; END"), /syntax error/);
    await assert.rejects(read("not PL/pgSQL at all"), /syntax error/);
  });
});

/** A statement, and whether it writes the column. `x` is an integer variable, `r` a record. */
interface Piece {
  text: string;
  writes: boolean;
}

const leaf = fc.constantFrom<Piece>(
  { text: "NULL;", writes: false },
  { text: "-- NEW.deal_type := 'no';\n", writes: false },
  { text: "x := length('NEW.deal_type := 1; SELECT 1 INTO NEW.deal_type');", writes: false },
  { text: "x := CASE WHEN NEW.deal_type = 'x' THEN 1 ELSE 2 END;", writes: false },
  { text: "r.deal_type := 'x';", writes: false },
  { text: "NEW.updated_at = now();", writes: false },
  { text: "SELECT 1, 2 INTO x, NEW.budget;", writes: false },
  { text: "PERFORM 1 FROM deals d WHERE d.deal_type = NEW.deal_type;", writes: false },
  { text: "UPDATE other SET deal_type = NEW.deal_type;", writes: false },
  { text: "RAISE NOTICE '%', NEW.deal_type;", writes: false },
  { text: "NEW.deal_type := 'x';", writes: true },
  { text: 'new."deal_type" = lower(NEW.deal_type);', writes: true },
  { text: "SELECT 1, 'a' INTO x, NEW.deal_type;", writes: true },
  { text: "EXECUTE format('SELECT %L', 1) INTO NEW.deal_type;", writes: true },
  { text: "GET DIAGNOSTICS NEW.deal_type = ROW_COUNT;", writes: true },
  { text: "FOR NEW.deal_type IN SELECT 'a' LOOP NULL; END LOOP;", writes: true },
);

const { piece } = fc.letrec<{ piece: Piece; block: Piece }>((tie) => ({
  piece: fc.oneof({ maxDepth: 4, depthSize: "small" }, leaf, tie("block")),
  block: fc
    .tuple(
      fc.constantFrom<[string, string, boolean]>(
        ["IF NEW.deal_type = 'x' THEN", "END IF;", true],
        ["IF NEW.budget > 0 THEN NULL; ELSE", "END IF;", true],
        ["IF TG_OP = 'DELETE' THEN", "END IF;", false],
        ["IF TG_OP NOT IN ('INSERT', 'UPDATE') AND x > 1 THEN", "END IF;", false],
        ["WHILE x < 1 LOOP x := 2;", "END LOOP;", true],
        ["FOR i IN 1..2 LOOP", "END LOOP;", true],
        ["BEGIN", "EXCEPTION WHEN others THEN NULL; END;", true],
        ["BEGIN NULL; EXCEPTION WHEN others THEN", "END;", true],
        ["DECLARE x int := 1; BEGIN", "END;", true],
        ["CASE x WHEN 1 THEN", "ELSE NULL; END CASE;", true],
        ["IF x = 1 THEN RETURN NEW;", "END IF;", false],
      ),
      fc.array(tie("piece"), { minLength: 1, maxLength: 4 }),
    )
    .map(([[open, close, runs], pieces]) => ({
      text: `${open}\n${pieces.map(({ text }) => text).join("\n")}\n${close}`,
      writes: runs && pieces.some(({ writes }) => writes),
    })),
}));

describe("any body of a trigger", () => {
  it("assigns the column where a statement of it that may run does, and nowhere else", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 6 }), async (pieces) => {
        const body = `DECLARE x int := 1; r deals%ROWTYPE; BEGIN\n${pieces.map(({ text }) => text).join("\n")}\nRETURN NEW; END`;
        const writes = pieces.some((each) => each.writes);
        assert.equal((await read(body)).length > 0, writes, body);
      }),
      { numRuns: 150 },
    );
  });
});
