import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ShadowSection } from "../../config/shadow.ts";
import { localShell } from "../../hosts/local-shell.ts";
import { startInstance } from "../../steps/shadow/shadow-instance.ts";
import { writtenPlaces } from "../../steps/shadow/shadow-scratch.ts";
import type { VariablesHost } from "../../steps/shadow/shadow-variables.ts";
import { temporaryFolder } from "../temporary-folder.ts";

/** A host whose environment file names places of production. */
function productionHost() {
  const appDir = temporaryFolder("shadow-host");
  mkdirSync(join(appDir, "log"));
  writeFileSync(join(appDir, "log/app.log"), "production\n");
  const envFile = join(appDir, "env");
  writeFileSync(
    envFile,
    `LOG_DIR=${appDir}/log\nLOG_FILE=${appDir}/log/app.log\nUPLOAD_DIR=${appDir}/none\nPORT=1\nHTTP_PATH=/deals\n`,
  );
  return { name: "web-1", appDir, envFile };
}

/** Starts a script in place of the application; none of these comes up, so the message is what is looked at. */
async function messageOf(
  script: string,
  section: object = {},
  host: ReturnType<typeof productionHost> & Partial<VariablesHost> = productionHost(),
): Promise<string> {
  const shadow = ShadowSection.parse({
    ...{ command: ["sh", "-c", script, "app", host.appDir], cwd: host.appDir, timeoutSeconds: 2, rules: {} },
    ...section,
  });
  const target = { shadow, host, release: "f".repeat(40), flagVariable: "FLAG", flag: true };
  const started = startInstance({ ...target, shell: localShell, signal: new AbortController().signal });
  return started.then(
    () => "started",
    (error: Error) => error.message,
  );
}

describe("a shadow instance", () => {
  it("writes where its scratch variables say, a folder or a file of its own, and not into production's", async () => {
    const host = productionHost();
    const script =
      'echo hello >>"$LOG_FILE"; echo x >"$LOG_DIR/other.log"; echo "$LOG_FILE" >"$1/place"; exit 3';
    await messageOf(script, { scratchVariables: ["LOG_DIR", "LOG_FILE"] }, host);
    assert.equal(readFileSync(join(host.appDir, "log/app.log"), "utf8"), "production\n");
    assert.equal(existsSync(join(host.appDir, "log/other.log")), false);
    const place = readFileSync(join(host.appDir, "place"), "utf8").trim();
    assert.match(place, /rollout-shadow-\S+\/LOG_FILE\/app\.log$/);
    assert.equal(existsSync(place), false);
  });

  it("has HOME, TMPDIR and XDG folders of its own, unless its environment file names others", async () => {
    const host = productionHost();
    const print =
      'for v in "$HOME" "$TMPDIR" "$XDG_CACHE_HOME" "$XDG_STATE_HOME"; do echo "$v"; [ -d "$v" ] || exit 1; done >"$1/places"; exit 3';
    await messageOf(print, {}, host);
    const places = readFileSync(join(host.appDir, "places"), "utf8").trim().split("\n");
    assert.equal(places.length, 4);
    for (const place of places) assert.match(place, /rollout-shadow-/);
    writeFileSync(host.envFile, `HOME=${host.appDir}\n`);
    await messageOf('echo "$HOME" >"$1/places"; exit 3', {}, host);
    assert.equal(readFileSync(join(host.appDir, "places"), "utf8").trim(), host.appDir);
  });

  const OTHERWISE = [
    "NOTE=yes # no comment",
    "export DEBUG=1",
    'QUOTED="a \\$b"',
    `HOLDS=\${NOTE}`,
    "GREETING='Grüße'",
    "TWO=first\\",
    "second",
  ].join("\n");
  for (const [envFileReader, expected] of [
    [
      "systemd",
      { NOTE: "yes # no comment", QUOTED: "a $b", HOLDS: `\${NOTE}`, GREETING: "Grüße", TWO: "firstsecond" },
    ],
    [
      "dotenv",
      { NOTE: "yes", DEBUG: "1", QUOTED: "a \\$b", HOLDS: "yes", GREETING: "Grüße", TWO: "first\\" },
    ],
  ] as const)
    it(`has the variables as ${envFileReader} reads the host's file`, async () => {
      const host = { ...productionHost(), envFileReader };
      writeFileSync(host.envFile, OTHERWISE);
      const print = 'env -0 >"$1/seen"; exit 3';
      await messageOf(print, {}, host);
      const own = /^(NOTE|DEBUG|QUOTED|HOLDS|GREETING|TWO)=(.*)$/s;
      const seen = readFileSync(join(host.appDir, "seen"), "utf8").split("\0");
      const found = seen.flatMap((entry) => {
        const [, name = "", value = ""] = own.exec(entry) ?? [];
        return name ? [[name, value]] : [];
      });
      assert.deepEqual(Object.fromEntries(found), expected);
    });

  it("asks systemd who reads the file, where the configuration does not say it", async () => {
    const host = { ...productionHost(), unit: "web", path: temporaryFolder("path") };
    writeFileSync(host.envFile, "NOTE=yes # no comment\n");
    const said = `Id=web.service\nEnvironmentFiles=${host.envFile} (ignore_errors=no)\n`;
    writeFileSync(join(host.path, "systemctl"), `#!/bin/sh\nprintf '%s' '${said}'\n`, { mode: 0o755 });
    await messageOf('echo "$NOTE" >"$1/seen"; exit 3', {}, host);
    assert.equal(readFileSync(join(host.appDir, "seen"), "utf8"), "yes # no comment\n");
  });

  it("is not started from a file that its reader refuses, which is said", async () => {
    const host = { ...productionHost(), envFileReader: "systemd" as const };
    writeFileSync(host.envFile, "A=1\0\n");
    assert.equal(
      await messageOf("exit 3", {}, host),
      `shadow-comparison: expected systemd to read ${host.envFile} on web-1, got a NUL byte. Mend that file.`,
    );
  });

  it("says the end of what it printed when it dies: the reason of a trace stands there", async () => {
    const trace =
      'i=0; while [ $i -lt 200 ]; do echo "  File \\"x.py\\", line $i, in f" >&2; i=$((i+1)); done; echo "PermissionError: [Errno 13] /var/log/app.log" >&2; exit 1';
    const message = await messageOf(trace);
    assert.match(
      message,
      /; the end of its output: .*PermissionError: \[Errno 13\] \/var\/log\/app\.log\. Mend shadow\.command/,
    );
    assert.doesNotMatch(message, /line 0,/);
  });

  it("says the end of what it printed when it does not answer in time", async () => {
    const message = await messageOf('echo "waiting for the database" >&2; exec sleep 30');
    assert.match(
      message,
      /within 2 s, got .*; the end of its output: waiting for the database\. Correct shadow\.command/,
    );
  });
});

describe("places where an instance could write into production's", () => {
  it("are told by the variables' names, where they are there and may be written", async () => {
    const { appDir } = productionHost();
    const environment = {
      ...{ LOG_DIR: `${appDir}/log`, LOG_FILE: `${appDir}/log/app.log`, CACHE_PATH: appDir },
      ...{ UPLOAD_DIR: `${appDir}/none`, HTTP_PATH: "/deals", DATABASE_URL: "postgres://x" },
    };
    assert.deepEqual(await writtenPlaces(environment, ["LOG_DIR"]), ["LOG_FILE", "CACHE_PATH"]);
  });
});
