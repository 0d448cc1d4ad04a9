import { deepEqual, equal, match, rejects } from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Host } from "../../config/target.ts";
import { dropInText } from "../../hosts/drop-in.ts";
import { type FlagPlace, parseFlag, readFlag, writeFlag } from "../../hosts/flag-file.ts";
import { readHostFile, writeHostFile } from "../../hosts/host-file.ts";
import type { HostWriter } from "../../hosts/host-shell.ts";
import { makeHost, putProgram, writer } from "./host-fixture.ts";

const PLACE: FlagPlace = { backend: "env-file", variable: "FLAG" };
/** Writes it on top of what is there now. */
async function write(host: Host, place: FlagPlace, value: string | null, by: HostWriter) {
  return writeFlag(host, place, { value, reading: await readFlag(host, place, by) }, by);
}

/** A host whose environment file holds these bytes. */
function hostWith(text: string) {
  const host = makeHost();
  writeFileSync(host.envFile, text, "latin1");
  return { ...host, read: () => readFileSync(host.envFile, "latin1") };
}

describe("the flag in an environment file", () => {
  for (const [text, value] of [
    ["true", true],
    ["1", true],
    ["Yes", true],
    ["off", false],
    ["", false],
    [" false ", false],
    [null, null],
    ["maybe", undefined],
  ] as const)
    it(`${JSON.stringify(text)} is read as ${value}`, () => equal(parseFlag(text), value));

  it("is set and taken out again, and no other byte changes", async () => {
    const before = "# caf\u00e9, latin1\r\nexport A='x'\r\n\r\nB=2";
    const host = { ...hostWith(before), envFileReader: "systemd" as const };
    deepEqual(await write(host, PLACE, "true", writer()), []);
    equal(host.read(), `${before}\r\nFLAG=true\r\n`);
    equal((await readFlag(host, PLACE, writer())).value, true);
    await write(host, PLACE, null, writer());
    equal(host.read(), `${before}\r\n`);
  });

  it("keeps mode and owner, and leaves nothing beside the file", async function () {
    if (process.getuid?.() !== 0) {
      console.warn("      skipped: only root may give a file to another user");
      this.skip();
    }
    const host = hostWith("FLAG=false\n");
    chmodSync(host.envFile, 0o640);
    chownSync(host.envFile, 12_345, 23_456);
    await write(host, PLACE, "true", writer());
    const { mode, uid, gid } = statSync(host.envFile);
    deepEqual([mode & 0o7777, uid, gid], [0o640, 12_345, 23_456]);
    deepEqual(readdirSync(host.folder).sort(), ["app", "bin", "diligence.env"]);
  });

  it("follows a link, and leaves it a link", async () => {
    const host = hostWith("FLAG=false\n");
    const shared = join(host.folder, "shared.env");
    renameSync(host.envFile, shared);
    symlinkSync("shared.env", host.envFile);
    await write(host, PLACE, "true", writer());
    equal(lstatSync(host.envFile).isSymbolicLink(), true);
    equal(readFileSync(shared, "utf8"), "FLAG=true\n");
  });

  it("tells duplicates by their lines, folds them and says so", async () => {
    const host = hostWith("FLAG=true\nA=1\nFLAG=false\n");
    const { value, notes } = await readFlag(host, PLACE, writer());
    equal(value, false);
    match(notes.join(), /FLAG is on 2 lines of .*diligence\.env \(1, 3\): the last one counts/);
    match((await write(host, PLACE, "true", writer())).join(), /host-a: folded 2 lines of FLAG/);
    equal(host.read(), "A=1\nFLAG=true\n");
  });

  it("changes one line of 10,000", async () => {
    const lines = Array.from({ length: 10_000 }, (_, index) => `VARIABLE_${index}=${index}\n`);
    const host = hostWith(`${lines.join("")}FLAG=false\n`);
    await write(host, PLACE, "true", writer());
    equal(host.read(), `${lines.join("")}FLAG=true\n`);
  });

  it("makes a file that is missing, for its owner only", async () => {
    const host = { ...makeHost(), envFile: join(makeHost().folder, "new.env") };
    deepEqual((await readFlag(host, PLACE, writer())).text, null);
    await write(host, PLACE, "true", writer());
    equal(readFileSync(host.envFile, "utf8"), "FLAG=true\n");
    equal(statSync(host.envFile).mode & 0o777, 0o600);
  });

  it("refuses to write over what someone else wrote since it was read", async () => {
    const host = hostWith("A=1\n");
    const file = await readHostFile(host, host.envFile, writer());
    writeFileSync(host.envFile, "A=2\n");
    const write = writeHostFile(host, file, "A=1\nFLAG=true\n", { ...writer(), mode: "600" });
    await rejects(
      write,
      /expected .*diligence\.env on host-a as it was read, got another content: someone else/,
    );
    equal(host.read(), "A=2\n");
  });

  it("refuses a run that was overtaken, and changes nothing", async () => {
    const host = hostWith("FLAG=false\n");
    await write(host, PLACE, "true", writer(9));
    await rejects(
      write(host, PLACE, "false", writer(8)),
      /expected no later run on host-a than record 8, got 9/,
    );
    equal(host.read(), "FLAG=true\n");
  });

  it("names the folder that is not there", async () => {
    const host = { ...makeHost(), envFile: "/nowhere/at/all.env" };
    await rejects(
      write(host, PLACE, "true", writer()),
      /expected the folder of \/nowhere\/at\/all\.env on host-a, got none/,
    );
  });
});

describe("the flag in drop-ins of the units", () => {
  it("is written for each unit, read by systemd, and taken out without a trace", async () => {
    const host = makeHost();
    const units = join(host.folder, "units");
    host.services = [...host.services, { unit: "diligence-worker.service", kind: "worker", processes: 1 }];
    mkdirSync(units);
    putProgram(
      host,
      "systemctl",
      `#!/bin/sh\nif [ "$1" = show ]; then printf "FragmentPath=${units}/x.service\\n\\n%.0s" $2 $3; elif [ "$1" = daemon-reload ]; then echo "$@" >>${host.folder}/systemctl.log; fi\n`,
    );
    const place: FlagPlace = { backend: "systemd-drop-in", variable: "FLAG" };
    const file = (unit: string) => join(units, `${unit}.service.d/deal-type-rollout.conf`);
    await write(host, place, "true", writer());
    for (const unit of ["diligence-web", "diligence-worker"])
      match(readFileSync(file(unit), "utf8"), /^# .*\n\[Service\]\nEnvironment="FLAG=true"\n$/);
    equal((await readFlag(host, place, writer())).value, true);

    writeFileSync(file("diligence-web"), '[Service]\nEnvironment="FLAG=false"\n');
    const { value, notes } = await readFlag(host, place, writer());
    equal(value, undefined);
    match(notes.join(), /units differ: diligence-web: false, diligence-worker\.service: true/);

    await write(host, place, null, writer());
    deepEqual(readdirSync(units), []);
    equal(readFileSync(join(host.folder, "systemctl.log"), "utf8"), "daemon-reload\n".repeat(2));
  });

  it("is read by systemd also when the run that wrote it was killed before it said so", async () => {
    const host = makeHost();
    const log = join(host.folder, "systemctl.log");
    const show = `echo "FragmentPath=${host.folder}/units/x.service"`;
    putProgram(
      host,
      "systemctl",
      `#!/bin/sh\nif [ "$1" = show ]; then ${show}; elif [ "$1" = daemon-reload ]; then echo "$@" >>${log}; fi\n`,
    );
    const place: FlagPlace = { backend: "systemd-drop-in", variable: "FLAG" };
    const file = join(host.folder, "units/diligence-web.service.d/deal-type-rollout.conf");
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, dropInText("FLAG", "true"));
    deepEqual(await write(host, place, "true", writer()), []);
    equal(readFileSync(log, "utf8"), "daemon-reload\n");
  });

  it("is refused while a line of the environment file would override it", async () => {
    const host = hostWith("FLAG=false\n");
    putProgram(host, "systemctl", `#!/bin/sh\necho "FragmentPath=${host.folder}/x.service"\n`);
    const place: FlagPlace = { backend: "systemd-drop-in", variable: "FLAG" };
    match(
      (await readFlag(host, place, writer())).faults.join(),
      /expected no FLAG in .*diligence\.env on host-a, which overrides the drop-ins, got one\. Remove that line/,
    );
  });
});
