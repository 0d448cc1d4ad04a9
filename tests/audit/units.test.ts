import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { cronLine, unitFiles } from "../../audit/units.ts";
import { findOnPath } from "../../bin/programs.mjs";
import { dueAfter } from "../../steps/scheduled-audit.ts";
import { temporaryFolder } from "../temporary-folder.ts";

describe("what a machine runs for the audit", () => {
  const task = {
    ...{
      stack: "production",
      folder: temporaryFolder("a checkout 100%"),
      node: "/usr/bin/node",
      path: "/usr/bin:/bin",
    },
    home: "/home/a user",
    ...{ environmentFile: "/etc/rollout/production.env", due: new Date("2026-04-03T06:00:00Z") },
  };

  it("are units that systemd itself finds right", async function () {
    const analyze = findOnPath("systemd-analyze");
    if (!analyze) {
      console.log("      SKIPPED: no systemd-analyze on this machine");
      return this.skip();
    }
    this.timeout(30_000);
    const folder = temporaryFolder("units");
    const files = unitFiles(task);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const paths = Object.keys(files).map((name) => join(folder, name));
    const { stdout, stderr, exitCode } = await execa(analyze, ["verify", ...paths], { reject: false });
    assert.deepEqual([exitCode, `${stdout}${stderr}`], [0, ""]);
    const calendar = await execa(analyze, ["calendar", "2026-04-03 06:00:00 UTC"]);
    assert.match(calendar.stdout, /2026-04-03 06:00:00/);
  });

  it("is a line whose command runs in the checkout with the file's variables, in its year alone", async () => {
    const node = join(temporaryFolder("node"), "node");
    writeFileSync(node, '#!/bin/sh\necho "$PWD|$@|$TOKEN|$PATH"\n');
    chmodSync(node, 0o755);
    const environmentFile = join(temporaryFolder("environment"), "rollout.env");
    writeFileSync(environmentFile, "TOKEN=t1\n");
    const run = async (year: number) => {
      const line = cronLine({ ...task, node, environmentFile, due: new Date(`${year}-04-03T06:00:00Z`) });
      const command = line.split(" ").slice(5).join(" ").replaceAll("\\%", "%");
      return (await execa("/bin/sh", ["-c", command], { env: {}, extendEnv: false, reject: false })).stdout;
    };
    const year = new Date().getFullYear();
    assert.equal(await run(year), `${task.folder}|bin/rollout.mjs audit --stack production|t1|/usr/bin:/bin`);
    assert.equal(await run(year + 1), "");
  });

  it("is due at the first such time of day after all of the days", () => {
    const schedule = { afterDays: 30, at: "06:00" };
    for (const [from, due] of [
      ["2025-03-01T05:59:00Z", "2025-03-31T06:00:00.000Z"],
      ["2025-03-01T06:00:00Z", "2025-03-31T06:00:00.000Z"],
      ["2025-03-01T06:00:01Z", "2025-04-01T06:00:00.000Z"],
    ] as const)
      assert.equal(dueAfter(new Date(from), schedule).toISOString(), due);
  });
});
