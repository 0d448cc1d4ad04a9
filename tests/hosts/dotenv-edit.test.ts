import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { readVariable, removeVariable, setVariable } from "../../hosts/dotenv-edit.ts";

/** What the edit is told to change, what it makes of it, and how many lines it folds. */
const SET: [promise: string, before: string, after: string, folded?: number][] = [
  ["changes the one line", "A=1\nFLAG=false\nB=2\n", "A=1\nFLAG=true\nB=2\n"],
  ["adds a missing one at the end", "A=1\n", "A=1\nFLAG=true\n"],
  ["adds the first line of an empty file", "", "FLAG=true\n"],
  ["leaves a file without a final line end without one", "A=1", "A=1\nFLAG=true"],
  ["changes a last line without a line end", "A=1\nFLAG=false", "A=1\nFLAG=true"],
  ["keeps CRLF", "A=1\r\nFLAG=false\r\nB=2\r\n", "A=1\r\nFLAG=true\r\nB=2\r\n"],
  ["adds with CRLF where lines end so", "A=1\r\n", "A=1\r\nFLAG=true\r\n"],
  ["keeps double quotes", 'FLAG="false"\n', 'FLAG="true"\n'],
  ["keeps single quotes", "FLAG='false'\n", "FLAG='true'\n"],
  ["keeps export, blanks and a comment", "  export FLAG = false  # why\n", "  export FLAG = true  # why\n"],
  ["keeps a comment after quotes", 'FLAG="false" # "no"\n', 'FLAG="true" # "no"\n'],
  ["gives an empty line its value", "FLAG=\n", "FLAG=true\n"],
  ["folds what echo >> left behind", "FLAG=true\nA=1\nFLAG=false\nB=2\n", "A=1\nFLAG=true\nB=2\n", 1],
  ["folds three", "FLAG=a\nFLAG=b\nFLAG=c", "FLAG=true", 2],
  ["leaves a comment alone", "# FLAG=false\n;FLAG=false\n", "# FLAG=false\n;FLAG=false\nFLAG=true\n"],
  ["takes no other name for it", "FLAG_ENABLED=0\nMY_FLAG=0\n", "FLAG_ENABLED=0\nMY_FLAG=0\nFLAG=true\n"],
  ["leaves what is inside another value", 'A="x\nFLAG=false\ny"\n', 'A="x\nFLAG=false\ny"\nFLAG=true\n'],
  ["takes no escaped quote for the end", 'A="x\\"\nFLAG=0\n"\nFLAG=0\n', 'A="x\\"\nFLAG=0\n"\nFLAG=true\n'],
  ["leaves a continued line", "A=x\\\nFLAG=false\nB=1\n", "A=x\\\nFLAG=false\nB=1\nFLAG=true\n"],
  ["is not misled by an apostrophe", "A='it\nFLAG=false\n", "A='it\nFLAG=true\n"],
  [
    "changes the first line after a byte order mark",
    "\u00ef\u00bb\u00bfFLAG=0\n",
    "\u00ef\u00bb\u00bfFLAG=true\n",
  ],
];

describe("editing an environment file", () => {
  for (const [promise, before, after, folded = 0] of SET)
    it(promise, () => deepEqual(setVariable(before, "FLAG", "true"), { text: after, folded }));

  it("reads the line that counts, and where the others are", () => {
    deepEqual(readVariable("FLAG=a\nB=1\nexport FLAG='b' # c\n", "FLAG"), { value: "b", lines: [1, 3] });
    deepEqual(readVariable("# FLAG=a\n", "FLAG"), { lines: [] });
  });

  it("takes a variable out with its duplicates, and leaves the end of the file as it was", () => {
    deepEqual(removeVariable("FLAG=a\nA=1\nFLAG=b", "FLAG"), { text: "A=1", folded: 1 });
    deepEqual(removeVariable("A=1\nFLAG=b\n", "FLAG"), { text: "A=1\n", folded: 0 });
    deepEqual(removeVariable("A=1\n", "FLAG"), { text: "A=1\n", folded: 0 });
  });

  it("quotes a bare value that needs it, and refuses one that readers would disagree about", () => {
    equal(setVariable("FLAG=x\n", "FLAG", "a b").text, 'FLAG="a b"\n');
    for (const value of ["a\nb", 'a"b', "a'b", "$HOME", "a\\"])
      throws(() => setVariable("", "FLAG", value), /expected a value without quotes/);
  });
});

// Lines as people write them, and some that nobody should.
const name = fc.constantFrom("FLAG", "OTHER", "FLAG_2", "_FLAG", "DATABASE_URL");
const value = fc.oneof(
  fc.constantFrom("true", "false", "", '"true"', "'false'", "a b # c", '"a\\"b"', "postgres://x:y@z/d?a=b#c"),
  fc.string({ maxLength: 12 }).map((text) => text.replaceAll(/[\r\n"'\\]/g, "_")),
);
const line = fc.oneof(
  fc
    .tuple(fc.constantFrom("", "  ", "export ", "\t"), name, fc.constantFrom("=", " = "), value)
    .map((p) => p.join("")),
  fc.constantFrom("", "# FLAG=false", "; comment", "garbage", "   ", "=x", "FLAG", "é=ü"),
);
const file = fc
  .tuple(fc.array(fc.tuple(line, fc.constantFrom("\n", "\r\n")), { maxLength: 30 }), fc.boolean())
  .map(([lines, final]) =>
    lines.map(([text, end], index) => text + (final || index < lines.length - 1 ? end : "")).join(""),
  );

const isFlag = (text: string) => /^[ \t]*(export[ \t]+)?FLAG[ \t]*=/.test(text);
const others = (text: string) => text.split(/(?<=\n)/).filter((part) => part !== "" && !isFlag(part));
const trimEnd = (lines: string[]) => lines.map((text) => text.replace(/\r?\n$/, ""));

describe("editing any environment file", () => {
  it("leaves every other line as it is, byte by byte", () => {
    fc.assert(
      fc.property(file, (text) => {
        const edited = setVariable(text, "FLAG", "true").text;
        // All but the last keep their line end too; the last one's is the file's own.
        deepEqual(others(edited).slice(0, -1), others(text).slice(0, -1));
        deepEqual(trimEnd(others(edited)), trimEnd(others(text)));
        equal(/\n$/.test(edited), text === "" || /\n$/.test(text));
      }),
      { numRuns: 1_000 },
    );
  });

  it("is read back as written, on one line, and written again changes nothing", () => {
    fc.assert(
      fc.property(file, fc.constantFrom("true", "false", "", "0"), (text, wanted) => {
        const edited = setVariable(text, "FLAG", wanted);
        const { value: read, lines } = readVariable(edited.text, "FLAG");
        equal(read, wanted);
        equal(lines.length, 1);
        deepEqual(setVariable(edited.text, "FLAG", wanted), { text: edited.text, folded: 0 });
      }),
      { numRuns: 1_000 },
    );
  });

  it("gives the same bytes back when a line that was added is taken out again", () => {
    fc.assert(
      fc.property(file, (text) => {
        fc.pre(readVariable(text, "FLAG").lines.length === 0);
        equal(removeVariable(setVariable(text, "FLAG", "true").text, "FLAG").text, text);
      }),
      { numRuns: 1_000 },
    );
  });

  it("does so with 10,000 lines", () => {
    const big = Array.from({ length: 10_000 }, (_, index) => `V${index}=${index}\n`);
    big[7_000] = "FLAG=false\n";
    const edited = setVariable(big.join(""), "FLAG", "true").text.split(/(?<=\n)/);
    deepEqual(
      edited.filter((text, index) => text !== big[index]),
      ["FLAG=true\n"],
    );
  });
});
