import { deepEqual, match } from "node:assert/strict";
import { planFlag, readFlag } from "../../hosts/flag-file.ts";
import { readHostRun } from "../../hosts/host-run.ts";
import { localShell } from "../../hosts/local-shell.ts";
import { SystemdMachine } from "./machine.ts";

const ENV = "/srv/my env/app.env";

/** What else a unit may say of the variable, where our change is written, and whether that counts. */
const CASES: [string, string, "env-file" | "systemd-drop-in", Record<string, string>, RegExp | null][] = [
  ["its own Environment=", "Environment=FLAG=false OTHER=1", "env-file", {}, null],
  ["its own Environment=, for a drop-in", "Environment=FLAG=false", "systemd-drop-in", {}, null],
  ["an optional file that is not there", "EnvironmentFile=-/srv/none", "env-file", {}, null],
  [
    "a later optional file",
    "EnvironmentFile=-/srv/later",
    "env-file",
    { "/srv/later": "FLAG=no\n" },
    /to count on h, got one in \/srv\/later, which systemd reads after it/,
  ],
  [
    "another file, for a drop-in",
    "EnvironmentFile=-/srv/later",
    "systemd-drop-in",
    { "/srv/later": "FLAG=no\n" },
    /got \/srv\/later, which counts more and sets or clears it/,
  ],
  [
    "what `systemctl edit` writes",
    "",
    "systemd-drop-in",
    { "/etc/systemd/system/app@.service.d/override.conf": '[Service]\nEnvironment="OTHER=1" "FLAG=no"\n' },
    /got \/etc\/systemd\/system\/app@\.service\.d\/override\.conf, which counts more/,
  ],
  [
    "a later drop-in that clears them",
    "",
    "systemd-drop-in",
    { "/etc/systemd/system/app@1.service.d/zz.conf": "[Service]\nEnvironment=\n" },
    /got \/etc\/systemd\/system\/app@1\.service\.d\/zz\.conf, which counts more/,
  ],
  [
    "an earlier drop-in, and a later one of another name",
    "",
    "systemd-drop-in",
    {
      "/etc/systemd/system/app@1.service.d/10-own.conf": "[Service]\nEnvironment=FLAG=no\n",
      "/etc/systemd/system/app@1.service.d/zz.conf": "[Service]\nEnvironment=FLAG_2=no\n",
    },
    null,
  ],
  [
    "UnsetEnvironment=",
    "UnsetEnvironment=OTHER FLAG",
    "env-file",
    {},
    /app@1 on h to be given FLAG, got UnsetEnvironment=FLAG/,
  ],
  [
    "UnsetEnvironment=, for a drop-in",
    "UnsetEnvironment=FLAG",
    "systemd-drop-in",
    {},
    /got UnsetEnvironment=FLAG/,
  ],
  ["UnsetEnvironment= of another name", "UnsetEnvironment=FLAG_2", "env-file", {}, null],
];

describe("what counts of the flag in a unit", function () {
  this.timeout(120_000);
  let machine: SystemdMachine;
  before(async function () {
    const reason = SystemdMachine.missing();
    if (reason) {
      console.warn(`      SKIPPED: ${reason}`);
      this.skip();
    }
    machine = await SystemdMachine.boot();
  });
  after(async () => machine?.stop());

  for (const [what, line, backend, files, said] of CASES)
    it(`is ${said ? "found before anything is written" : "what we write"}, beside ${what}`, async () => {
      await machine.run("rm -rf /etc/systemd/system/app@*.service.d /srv/later");
      const own = backend === "env-file" ? [`EnvironmentFile=${ENV}`] : [];
      const unit = ["[Service]", ...own, line, "ExecStart=/bin/sleep 1000", ""].join("\n");
      const all = { [ENV]: "A=1\n", "/etc/systemd/system/app@.service": unit, ...files };
      for (const [path, text] of Object.entries(all)) machine.write(path, text);
      await machine.run("systemctl daemon-reload");
      const host = {
        ...{ name: "h", path: machine.path, appDir: "/srv/app", envFile: ENV },
        services: [{ unit: "app@1", kind: "worker" as const, processes: 1 }],
      };
      const reader = { shell: localShell, signal: new AbortController().signal };
      const place = { backend, variable: "FLAG" };
      const { faults } = planFlag(host, place, await readFlag(host, place, reader), "true");
      if (said) match(faults.join(), said);
      else deepEqual(faults, []);
      const { units } = await readHostRun(host, { variable: "FLAG", detailed: [] }, reader);
      deepEqual(units[0]?.readsEnvFile, backend === "env-file");
    });
});
