import { deepEqual, equal } from "node:assert/strict";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expandDotenv } from "../../hosts/dotenv-parts.ts";
import { keepLines, putLinesBack } from "../../hosts/env-before.ts";
import { setVariable } from "../../hosts/env-edit.ts";
import { askEnvFileReaders, knownReaders } from "../../hosts/env-file-readers.ts";
import { type EnvReader, parseParts, unreadableBy } from "../../hosts/env-parts.ts";
import { planFlag, readFlag } from "../../hosts/flag-file.ts";
import { makeHost, putProgram, writer } from "./host-fixture.ts";
import { NotHere, type Readings, readByDotenv, readBySystemd, systemdVersion } from "./real-env-readers.ts";

const NAMES = ["FLAG", "A", "B", "FLAG_2"];

/** Pieces of lines as people and accidents write them. */
const token = fc.constantFrom(
  ...["FLAG", "A", "=", "=", " ", "\t", "\n", "\r\n", "\r", "#", ";", "'", '"', "\\", "\\\n", "a", "true"],
  ...["export ", "$", `\${A}`, `\${B:-d}`, "`", "\\n", "\\'", '\\"', "\x01", "\xe4", "\xc3\xa4", "\xc2\xa0"],
);
const line = fc.oneof(
  fc
    .tuple(
      fc.constantFrom("", " ", "export ", "# ", "; "),
      fc.constantFrom("FLAG", "FLAG", "A", "FLAG_2", "B"),
      fc.constantFrom("=", " = ", "= "),
      fc.array(token, { maxLength: 5 }).map((tokens) => tokens.join("")),
      fc.constantFrom("\n", "\r\n", ""),
    )
    .map((pieces) => pieces.join("")),
  fc.array(token, { maxLength: 6 }).map((tokens) => tokens.join("")),
);
const file = fc.array(line, { maxLength: 6 }).map((lines) => lines.join(""));

/** Inputs that were seen in the field, beside the made-up ones. */
const SEEN = [
  "export FLAG=no\n",
  "FLAG=false # note\n",
  'FLAG="false" # note\n',
  "# a comment \\\nFLAG=false\n",
  "; a comment \\\nFLAG=false\nA=1\n",
  "FLAG = false\n",
  "FLAG=a\nFLAG=b\n",
  `A=1\nFLAG=\${A}\n`,
  'FLAG="a\nb"\nA=1\n',
  "FLAG='it\\'s'\n",
  "FLAG\n",
  "\xef\xbb\xbfFLAG=1\n",
];

/** Each file as it is, as we edit it, and as we put it back. */
function editedFiles(reader: EnvReader, count: number) {
  const files = [...SEEN, ...fc.sample(file, { numRuns: count, seed: 13 })];
  const edited = files.map((text) => setVariable(text, "FLAG", "true", [reader])?.text);
  return { files, edited };
}

function ours(text: string, reader: EnvReader): Record<string, string | undefined> | null {
  const parts = parseParts(text, reader);
  equal(parts.map((part) => part.text).join(""), text);
  if (unreadableBy(parts, reader)) return null;
  const known = new Map<string, string>();
  for (const { assigns } of parts)
    if (assigns?.value === null) known.delete(assigns.name);
    else if (assigns)
      known.set(assigns.name, reader === "dotenv" ? expandDotenv(assigns.value, known) : assigns.value);
  return Object.fromEntries(NAMES.map((name) => [name, known.get(name)]));
}

const named = (reading: Readings[number]) =>
  reading && Object.fromEntries(NAMES.map((name) => [name, reading[name]]));

/** Runs the real reader once for all files; a machine that has none says so aloud. */
function realReader(this: Mocha.Context, read: () => Readings): Readings {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof NotHere)) throw error;
    console.warn(`      SKIPPED, nothing of the real reader is tried: ${error.message}`);
    return this.skip();
  }
}

const SYSTEMD: EnvReader = systemdVersion() >= 254 ? "systemd" : "systemd-before-254";

for (const [name, reader, read] of [
  ["systemd's own reading", SYSTEMD, readBySystemd],
  ["python-dotenv's load_dotenv", "dotenv", readByDotenv],
] as const)
  describe(`an environment file and ${name}`, function () {
    this.timeout(300_000);

    it("is read as it reads it, and what we write is what it reads", function () {
      const { files, edited } = editedFiles(reader, 250);
      const written = edited.flatMap((text) => (text === undefined ? [] : [text]));
      const real = realReader.call(this, () => read([...files, ...written]));
      for (const [index, text] of files.entries())
        deepEqual(ours(text, reader), named(real[index] ?? null), JSON.stringify(text));
      for (const [index, text] of written.entries())
        equal(real[files.length + index]?.FLAG, "true", JSON.stringify(text));
    });

    it("is given back byte for byte after it", () => {
      const { files, edited } = editedFiles(reader, 2_000);
      for (const [index, text] of files.entries()) {
        const before = keepLines({ text, exists: true }, "FLAG", [reader]);
        const changed = edited[index];
        if (changed !== undefined) equal(putLinesBack(changed, "FLAG", before), text, JSON.stringify(text));
      }
    });
  });

/** A host whose systemd says this of each unit's environment files. */
function hostWith(files: Record<string, string[]>, version = 252) {
  const host = makeHost();
  host.services = Object.keys(files).map((unit) => ({ unit, kind: "web" as const, processes: 1 }));
  const said = (unit: string) =>
    [
      `Id=${unit}.service`,
      ...(files[unit] ?? []).map(
        (path) => `EnvironmentFiles=${path.replace("ENV", host.envFile)} (ignore_errors=no)`,
      ),
    ].join("\n");
  writeFileSync(join(host.folder, "said"), `${Object.keys(files).map(said).join("\n\n")}\n`);
  const show = `cat ${host.folder}/said`;
  putProgram(
    host,
    "systemctl",
    `#!/bin/sh\nif [ "$1" = show ]; then ${show}; else echo 'systemd ${version} (${version}.1)'; fi\n`,
  );
  return host;
}

const PLACE = { backend: "env-file", variable: "FLAG" } as const;

describe("who reads the environment file", () => {
  for (const [promise, files, readers] of [
    [
      "is systemd where every unit has it as EnvironmentFile=",
      { web: ["ENV"], worker: ["ENV"] },
      ["systemd-before-254"],
    ],
    ["is dotenv where no unit has", { web: [], worker: ["/etc/default/other"] }, ["dotenv"]],
    ["are both where some have", { web: ["ENV"], worker: [] }, ["systemd-before-254", "dotenv"]],
  ] as const)
    it(promise, async () => {
      const host = hostWith(files as unknown as Record<string, string[]>);
      deepEqual((await askEnvFileReaders(host, "FLAG", writer())).readers, readers);
    });

  it("is no help where a unit has the flag from systemd already and load_dotenv leaves it alone: that is said", async () => {
    for (const said of ["Environment=FLAG=0", "Environment=A=1 FLAG=0", 'Environment="X=a b" "FLAG=0 1"']) {
      const host = hostWith({ web: [], worker: [] });
      const units = `Id=web.service\n\n${said}\nId=worker.service`;
      writeFileSync(join(host.folder, "said"), `${units}\n`);
      const { readers, notes } = await askEnvFileReaders(host, "FLAG", writer());
      deepEqual(readers, ["dotenv"]);
      deepEqual(notes, [
        "warning: worker on host-a has FLAG from systemd already, and load_dotenv leaves that alone unless it is told " +
          `override=True: the line in ${host.envFile} would not count`,
      ]);
    }
    const other = hostWith({ web: [] });
    writeFileSync(join(other.folder, "said"), "Environment=MY_FLAG=0 FLAG_2=1\nId=web.service\n");
    deepEqual((await askEnvFileReaders(other, "FLAG", writer())).notes, []);
  });

  it("is found through a pattern and through a link, by the systemd of that version", async () => {
    const host = hostWith({ web: ["ENV"] }, 255);
    const [pattern, link] = [`${host.folder}/*.env`, `${host.folder}/linked`];
    symlinkSync(host.envFile, link);
    for (const path of [pattern, link]) {
      const other = { ...hostWith({ web: [path] }, 255), envFile: host.envFile };
      deepEqual((await askEnvFileReaders(other, "FLAG", writer())).readers, ["systemd"]);
    }
  });

  it("is what the configuration says, also where systemd says otherwise or nothing", async () => {
    const host = { ...hostWith({ web: [] }), envFileReader: "systemd" as const };
    deepEqual((await askEnvFileReaders(host, "FLAG", writer())).readers, ["systemd-before-254"]);
    putProgram(host, "systemctl", "#!/bin/sh\nexit 1\n");
    const asked = await askEnvFileReaders({ ...host, envFileReader: "dotenv" }, "FLAG", writer());
    deepEqual(asked, knownReaders(["dotenv"]));
  });

  it("is said to be unknown where systemd does not answer: the line has to suit all then", async () => {
    const host = hostWith({ web: [] });
    putProgram(host, "systemctl", "#!/bin/sh\necho 'no bus' >&2\nexit 1\n");
    const { readers, notes } = await askEnvFileReaders(host, "FLAG", writer());
    deepEqual(readers, ["dotenv", "systemd", "systemd-before-254"]);
    equal(notes.length, 1);
  });

  it("tells in preview what another reader would make of the flag, and a file that overrides it", async () => {
    const host = hostWith({ web: ["ENV", "/nowhere/*.env"] });
    writeFileSync(host.envFile, "FLAG=no # off for now\n");
    const reading = await readFlag(host, PLACE, writer());
    equal(reading.value, undefined);
    deepEqual(reading.notes, [
      "warning: systemd, which reads it, has FLAG as no # off for now; dotenv would have it as no",
    ]);
    deepEqual(planFlag(host, PLACE, reading, "true").edited?.text, "FLAG=true\n");
    const later = join(host.folder, "later.env");
    writeFileSync(later, "export OTHER=1\n FLAG = 0\n");
    const hidden = hostWith({ web: ["ENV", later] });
    const { faults } = await readFlag(hidden, PLACE, writer());
    deepEqual(faults, [
      `expected FLAG of ${hidden.envFile} to count on host-a, got one in ${later}, which systemd reads after it. ` +
        "Remove that line, or make that file the host's envFile.",
    ]);
  });

  it("is told before anything is written when nobody could read the flag there", async () => {
    const host = hostWith({ web: ["ENV"] });
    writeFileSync(host.envFile, "NAME=\xe4\n", "latin1");
    const reading = await readFlag(host, PLACE, writer());
    const { faults } = planFlag(host, PLACE, reading, "true");
    deepEqual(faults, [
      `expected systemd to read FLAG=true in ${host.envFile} on host-a once it is written, got bytes that are no UTF-8. ` +
        "Mend that file (an open quote, a backslash at a line's end, another encoding), or set hosts[].envFileReader.",
    ]);
    equal(readFileSync(host.envFile, "latin1"), "NAME=\xe4\n");
  });
});
