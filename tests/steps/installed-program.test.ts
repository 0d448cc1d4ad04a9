import { equal } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isInstalled } from "../../processes/installed-program.ts";
import { temporaryFolder } from "../temporary-folder.ts";

describe("the look for a command's program", () => {
  const folder = temporaryFolder();
  for (const path of ["bin", "bin/folder", "other"]) mkdirSync(join(folder, path));
  for (const name of ["bin/there", "other/second", "bin/not-executable"])
    writeFileSync(join(folder, name), "#!/bin/sh\n", { mode: 0o755 });
  chmodSync(join(folder, "bin/not-executable"), 0o644);
  const environment = { PATH: [join(folder, "bin"), join(folder, "other")].join(":") };

  const cases: [program: string, found: boolean][] = [
    ["there", true],
    ["second", true],
    ["absent", false],
    ["not-executable", false],
    ["folder", false],
    ["bin/there", true],
    ["./bin/there", true],
    ["bin/absent", false],
    [join(folder, "bin/there"), true],
    ["/nowhere/there", false],
    ["", false],
  ];
  for (const [program, found] of cases)
    it(`${found ? "finds" : "misses"} \`${program.replace(folder, "…")}\`, as a shell does`, async () => {
      equal(await isInstalled(program, { environment, cwd: folder }), found);
      const look = () =>
        execFileSync("/bin/sh", ["-c", 'command -v -- "$1" && [ ! -d "$1" ]', "sh", program], {
          ...{ env: environment, cwd: folder, stdio: "ignore" },
        });
      if (program !== "not-executable") equal(succeeds(look), found);
    });

  it("misses every name where there is no PATH", async () => {
    equal(await isInstalled("there", { environment: {}, cwd: join(folder, "bin") }), false);
  });
});

function succeeds(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
