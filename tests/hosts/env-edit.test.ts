import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { keepLines, putLinesBack } from "../../hosts/env-before.ts";
import { readVariable, removeVariable, setVariable } from "../../hosts/env-edit.ts";
import type { EnvReader } from "../../hosts/env-parts.ts";

/** What the edit is told to change, what it makes of it for a reader, and how many lines it folds. */
const SET: [promise: string, reader: EnvReader, before: string, after: string, folded?: number][] = [
  ["changes the one line", "dotenv", "A=1\nFLAG=false\nB=2\n", "A=1\nFLAG=true\nB=2\n"],
  ["adds a missing one at the end", "dotenv", "A=1\n", "A=1\nFLAG=true\n"],
  ["adds the first line of an empty file", "dotenv", "", "FLAG=true\n"],
  ["ends its own line also where the file did not end so", "dotenv", "A=1", "A=1\nFLAG=true\n"],
  ["ends a last line that it changes", "systemd", "A=1\nFLAG=false", "A=1\nFLAG=true\n"],
  ["keeps CRLF", "systemd", "A=1\r\nFLAG=false\r\nB=2\r\n", "A=1\r\nFLAG=true\r\nB=2\r\n"],
  ["adds with CRLF where lines end so", "dotenv", "A=1\r\n", "A=1\r\nFLAG=true\r\n"],
  ["keeps double quotes", "systemd", 'FLAG="false"\n', 'FLAG="true"\n'],
  ["keeps single quotes", "dotenv", "FLAG='false'\n", "FLAG='true'\n"],
  [
    "keeps export, blanks and a comment",
    "dotenv",
    "  export FLAG = no  # why\n",
    "  export FLAG = true  # why\n",
  ],
  ["adds a line where systemd reads none", "systemd", "export FLAG=no\n", "export FLAG=no\nFLAG=true\n"],
  ["keeps blanks around = for systemd", "systemd", "FLAG = no\n", "FLAG = true\n"],
  ["keeps a comment after quotes", "dotenv", 'FLAG="no" # "no"\n', 'FLAG="true" # "no"\n'],
  ["drops what systemd would take for the value", "systemd", "FLAG=no # note\n", "FLAG=true\n"],
  ["drops it after quotes as well", "systemd", 'FLAG="no" # note\n', 'FLAG="true"\n'],
  ["gives an empty line its value", "dotenv", "FLAG=\n", "FLAG=true\n"],
  ["gives a name without a value one", "dotenv", "FLAG\n", "FLAG=true\n"],
  [
    "folds what echo >> left behind",
    "dotenv",
    "FLAG=true\nA=1\nFLAG=false\nB=2\n",
    "A=1\nFLAG=true\nB=2\n",
    1,
  ],
  ["folds three", "systemd", "FLAG=a\nFLAG=b\nFLAG=c", "FLAG=true\n", 2],
  ["leaves a comment alone", "systemd", "# FLAG=0\n;FLAG=0\n", "# FLAG=0\n;FLAG=0\nFLAG=true\n"],
  ["takes no other name for it", "dotenv", "FLAG_ON=0\nMY_FLAG=0\n", "FLAG_ON=0\nMY_FLAG=0\nFLAG=true\n"],
  ["leaves what is inside another value", "systemd", 'A="x\nFLAG=0\ny"\n', 'A="x\nFLAG=0\ny"\nFLAG=true\n'],
  [
    "takes no escaped quote for the end",
    "dotenv",
    'A="x\\"\nFLAG=0\n"\nFLAG=0\n',
    'A="x\\"\nFLAG=0\n"\nFLAG=true\n',
  ],
  [
    "leaves a continued line to systemd",
    "systemd",
    "A=x\\\nFLAG=0\nB=1\n",
    "A=x\\\nFLAG=0\nB=1\nFLAG=true\n",
  ],
  ["changes it for dotenv, which continues none", "dotenv", "A=x\\\nFLAG=0\n", "A=x\\\nFLAG=true\n"],
  ["is not misled by an apostrophe", "dotenv", "A='it\nFLAG=false\n", "A='it\nFLAG=true\n"],
  ["goes above an apostrophe that swallows all for systemd", "systemd", "A='it\n", "FLAG=true\nA='it\n"],
  ["goes above a last backslash", "systemd", "A=x\\\n", "FLAG=true\nA=x\\\n"],
  [
    "leaves what an old systemd takes for a comment",
    "systemd-before-254",
    "# x \\\nFLAG=0\n",
    "# x \\\nFLAG=0\nFLAG=true\n",
  ],
  ["changes it for a new one", "systemd", "# x \\\nFLAG=0\n", "# x \\\nFLAG=true\n"],
  [
    "goes below a byte order mark",
    "dotenv",
    "\u00ef\u00bb\u00bfFLAG=0\n",
    "\u00ef\u00bb\u00bfFLAG=0\nFLAG=true\n",
  ],
  ["makes one line of a value over several", "systemd", 'FLAG="a\nb"\nA=1\n', 'FLAG="true"\nA=1\n'],
];

describe("editing an environment file", () => {
  for (const [promise, reader, before, after, folded = 0] of SET)
    it(promise, () => deepEqual(setVariable(before, "FLAG", "true", [reader]), { text: after, folded }));

  it("suits two readers at once, or says that there is no way", () => {
    const both: EnvReader[] = ["systemd", "dotenv"];
    equal(setVariable("export FLAG=no\n", "FLAG", "true", both)?.text, "FLAG=true\n");
    equal(setVariable("FLAG=no # x\n", "FLAG", "true", both)?.text, "FLAG=true\n");
    equal(setVariable("A='x\n", "FLAG", "true", both)?.text, "FLAG=true\nA='x\n");
    equal(setVariable("A=\xe4\n", "FLAG", "true", ["systemd"]), undefined);
    equal(setVariable("# \xe4\n", "FLAG", "true", ["systemd"])?.text, "# \xe4\nFLAG=true\n");
  });

  it("reads the line that counts, and where the others are", () => {
    const read = (text: string, reader: EnvReader) => readVariable(text, "FLAG", reader);
    deepEqual(read("FLAG=a\n\nexport FLAG='b' # c\n", "dotenv"), { value: "b", lines: [1, 3], borrowed: [] });
    deepEqual(read("FLAG=a\nexport FLAG='b' # c\n", "systemd"), { value: "a", lines: [1], borrowed: [] });
    deepEqual(read("# FLAG=a\n", "dotenv"), { value: null, lines: [], borrowed: [] });
    deepEqual(read(`A=on\nFLAG=\${A}\n`, "dotenv"), { value: "on", lines: [2], borrowed: [] });
    deepEqual(read(`FLAG=\${A}\n`, "dotenv"), { value: "", lines: [1], borrowed: ["A"] });
    deepEqual(read(`A=on\nFLAG=\${A}\n`, "systemd"), { value: `\${A}`, lines: [2], borrowed: [] });
  });

  it("takes a variable out with its duplicates, and leaves every other byte", () => {
    const remove = (text: string) => removeVariable(text, "FLAG", ["dotenv"]);
    deepEqual(remove("FLAG=a\nA=1\nFLAG=b"), { text: "A=1\n", folded: 1 });
    deepEqual(remove("A=1\nFLAG=b\n"), { text: "A=1\n", folded: 0 });
    deepEqual(remove("A=1"), { text: "A=1", folded: 0 });
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

const reader = fc.constantFrom<EnvReader>("systemd", "systemd-before-254", "dotenv");
const edit = (text: string, wanted: string, by: EnvReader) => setVariable(text, "FLAG", wanted, [by]);

describe("editing any environment file", () => {
  it("changes no other variable, is read back on one line, and written again changes nothing", () => {
    fc.assert(
      fc.property(file, reader, fc.constantFrom("true", "false"), (text, by, wanted) => {
        const edited = edit(text, wanted, by);
        if (!edited) return;
        const { value: read, lines } = readVariable(edited.text, "FLAG", by);
        deepEqual([read, lines.length], [wanted, 1]);
        for (const other of ["OTHER", "FLAG_2", "_FLAG", "DATABASE_URL"])
          equal(readVariable(edited.text, other, by).value, readVariable(text, other, by).value);
        deepEqual(edit(edited.text, wanted, by), { text: edited.text, folded: 0 });
      }),
      { numRuns: 1_000 },
    );
  });

  it("gives every byte back when its lines are put back, whatever they were", () => {
    fc.assert(
      fc.property(file, reader, fc.constantFrom("true", "false", null), (text, by, wanted) => {
        const before = keepLines({ text, exists: true }, "FLAG", [by]);
        const edited = wanted === null ? removeVariable(text, "FLAG", [by]) : edit(text, wanted, by);
        if (edited) equal(putLinesBack(edited.text, "FLAG", before), text);
      }),
      { numRuns: 2_000 },
    );
  });

  it("leaves lines that were appended since on lines of their own, and keeps them on the way back", () => {
    fc.assert(
      fc.property(file, reader, (text, by) => {
        const before = keepLines({ text, exists: true }, "FLAG", [by]);
        const edited = edit(text, "true", by)?.text;
        // Above a last line that goes on nothing can be appended, before us as little as after us.
        if (!edited || !/(^|\n)[^\n]*FLAG[^\n]*\r?\n$/.test(edited)) return;
        const appended = `${edited}DEBUG_SQL=1\n`;
        equal(readVariable(appended, "DEBUG_SQL", by).value, "1");
        const back = putLinesBack(appended, "FLAG", before);
        const closed = text === "" || /\n$/.test(text) ? text : `${text}${/\r\n|\n/.exec(edited)?.[0]}`;
        equal(back, `${closed}DEBUG_SQL=1\n`);
      }),
      { numRuns: 1_000 },
    );
  });

  it("does so with 10,000 lines", () => {
    const big = Array.from({ length: 10_000 }, (_, index) => `V${index}=${index}\n`);
    big[7_000] = "FLAG=false\n";
    const edited = edit(big.join(""), "true", "systemd")?.text.split(/(?<=\n)/) ?? [];
    deepEqual(
      edited.filter((text, index) => text !== big[index]),
      ["FLAG=true\n"],
    );
  });
});

describe("putting the lines of a variable back", () => {
  for (const [promise, before, now, after] of [
    [
      "keeps what was edited around them",
      "A=1\nFLAG=0\nB=2\n",
      "A=9\nFLAG=true\nB=2\nC=3\n",
      "A=9\nFLAG=0\nB=2\nC=3\n",
    ],
    [
      "puts them below the line that they stood below",
      "A=1\nFLAG=0\nB=2\n",
      "X=1\nA=1\nB=2\nFLAG=true\n",
      "X=1\nA=1\nFLAG=0\nB=2\n",
    ],
    [
      "keeps their order where those lines are gone",
      "A=1\nFLAG=0\nB=1\nFLAG=1\n",
      "FLAG=true\n",
      "FLAG=0\nFLAG=1\n",
    ],
    [
      "gives duplicates back",
      "FLAG=1\nA=1\n\nFLAG='0' # x\n",
      "A=1\n\nFLAG='true' # x\n",
      "FLAG=1\nA=1\n\nFLAG='0' # x\n",
    ],
    ["brings no line back where there was none", "A=1\n", "FLAG=true\nA=1\nFLAG=0\n", "A=1\n"],
    [
      "gives a value that no check would take back",
      `F=no\nFLAG=\${F}\n`,
      "F=no\nFLAG=true\n",
      `F=no\nFLAG=\${F}\n`,
    ],
    [
      "gives one of several lines back",
      'FLAG="a\nb\'c\\\n$d"\nA=1\n',
      'FLAG="true"\nA=1\n',
      'FLAG="a\nb\'c\\\n$d"\nA=1\n',
    ],
    ["takes the last line end away that it gave", "A=1\nFLAG=0", "A=1\nFLAG=true\n", "A=1\nFLAG=0"],
    ["not when something was appended", "A=1\nFLAG=0", "A=1\nFLAG=true\nD=1\n", "A=1\nFLAG=0\nD=1\n"],
  ] as const)
    it(promise, () => {
      const kept = keepLines({ text: before, exists: true }, "FLAG", ["dotenv"]);
      equal(putLinesBack(now, "FLAG", kept), after);
    });
});
