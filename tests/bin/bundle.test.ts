import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { temporaryFolder } from "../temporary-folder.ts";

const node = promisify(execFile);

describe("bundle of the program", () => {
  /** A checkout of three sources: `index.ts` prints what `part.ts` says. */
  function makeCheckout(): string {
    const folder = temporaryFolder();
    for (const name of ["typescript.mjs", "program.mjs", "paths.mjs"])
      cpSync(join("bin", name), join(folder, "bin", name));
    mkdirSync(join(folder, "node_modules"));
    for (const name of ["esbuild", "@esbuild"])
      cpSync(join("node_modules", name), join(folder, "node_modules", name), { recursive: true });
    for (const name of ["steps", "cli"]) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, "main.ts"), "export {};\n");
    }
    writeFileSync(join(folder, "package-lock.json"), "{}\n");
    writeFileSync(
      join(folder, "index.ts"),
      'import { said } from "./part.ts";\nconsole.log(said);\nexport default 1;\n',
    );
    say(folder, '"one"');
    return folder;
  }

  const say = (folder: string, what: string) =>
    writeFileSync(join(folder, "part.ts"), `export const said: string = ${what};\n`);
  const run = async (folder: string) =>
    (await node(process.execPath, [join(folder, "bin/program.mjs")])).stdout.trim();
  const bundles = (folder: string) =>
    readdirSync(join(folder, ".rollout/program")).filter((name) => name !== "current.json");

  it("is made once, and again when a source has changed", async () => {
    const folder = makeCheckout();
    assert.equal(await run(folder), "one");
    assert.equal(await run(folder), "one");
    assert.equal(bundles(folder).length, 1);
    say(folder, '"two"');
    assert.equal(await run(folder), "two");
    say(folder, '"one"');
    assert.equal(await run(folder), "one");
    assert.equal(bundles(folder).length, 2);
  });

  it("follows an import to another file, and refuses one that is gone", async () => {
    const folder = makeCheckout();
    await run(folder);
    writeFileSync(join(folder, "other.ts"), 'export const said = "other";\n');
    writeFileSync(
      join(folder, "index.ts"),
      'import { said } from "./other.ts";\nconsole.log(said);\nexport default 1;\n',
    );
    assert.equal(await run(folder), "other");
    rmSync(join(folder, "other.ts"));
    await assert.rejects(run(folder), /Could not resolve "\.\/other\.ts"/);
  });

  it("gives a source its own address", async () => {
    const folder = makeCheckout();
    say(folder, "import.meta.url");
    assert.equal(await run(folder), `file://${join(folder, "part.ts")}`);
  });

  it("is whole for everyone when many find it stale at once", async () => {
    const folder = makeCheckout();
    const all = await Promise.all(Array.from({ length: 6 }, () => run(folder)));
    assert.deepEqual(all, Array(6).fill("one"));
    assert.equal(bundles(folder).length, 1);
  });

  it("keeps the bundle that a running step may still import from, and removes it after 30 days", async () => {
    const folder = makeCheckout();
    await run(folder);
    const [first = ""] = bundles(folder);
    say(folder, '"two"');
    await run(folder);
    assert.ok(bundles(folder).includes(first));
    const days = Date.now() / 1000 - 31 * 24 * 3600;
    utimesSync(join(folder, ".rollout/program", first), days, days);
    say(folder, '"three"');
    await run(folder);
    assert.equal(bundles(folder).length, 2);
    assert.ok(!bundles(folder).includes(first));
  });
});
